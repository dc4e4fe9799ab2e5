"""Anything may arrive on a connection: nothing of it is logged as our bug, kept, or felt by others."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryClient, MemoryServer, fixture_app, masked, user_auth

NAMES = (
    "pusher:subscribe",
    "pusher:unsubscribe",
    "pusher:signin",
    "pusher:ping",
    "pusher:pong",
    "pusher:error",
    "pusher_internal:member_added",
    "client-x",
    "client-",
    "my-event",
    "",
)
CHANNELS = (
    "news",
    "private-a",
    "private-encrypted-a",
    "presence-r",
    "presence-cache-r",
    "cache-c",
    "#server-to-user-u1",
    "#server-to-user-",
    "a b",
    "",
    "x" * 300,
    "é",
)
STRINGS = ("", "u1", "key:bad", "é\u2028\x00", '{"user_id":"u1"}', '{"id":"u1","watchlist":["u2",3]}', "[" * 500)
OPCODES = (0x0, 0x1, 0x1, 0x1, 0x2, 0x3, 0x8, 0x9, 0xA, 0xB)


class Hostility:
    """A seeded source of frames, from almost right to noise."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 3) -> object:
        """Any JSON value."""
        kind = self.random.randrange(8 if depth else 6)
        if kind == 0:
            return self.random.choice((None, True, False, 0, -1, 1.5, 10**30, 1e300))
        if kind < 4:
            return self.random.choice(STRINGS)
        if kind < 6:
            return self.random.choice(CHANNELS)
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        keys = ("channel", "auth", "channel_data", "user_data", "user_id", "user_info", "id", "filter", "delta", "")
        return {self.random.choice(keys): self.value(depth - 1) for _ in range(self.random.randrange(5))}

    def message(self, client: MemoryClient) -> bytes:
        """Something a client might send, often correctly signed."""
        kind = self.random.random()
        channel = self.random.choice(CHANNELS[:7] if kind < 0.7 else CHANNELS)
        data: Any = self.value()
        name = self.random.choice(NAMES)
        if kind < 0.3:
            name, data = "pusher:subscribe", {"channel": channel}
            data["channel_data"] = json.dumps({"user_id": f"u{self.random.randrange(4)}", "user_info": self.value()})
            data["auth"] = client.auth(channel, data["channel_data"])
        elif kind < 0.4:
            name, data = "pusher:signin", {}
            data["user_data"] = json.dumps({"id": f"u{self.random.randrange(4)}", "watchlist": self.value()})
            data["auth"] = user_auth(fixture_app(), client.established, data["user_data"])
        elif kind < 0.55:
            name = "client-x"
        elif kind < 0.6:
            name, data = "pusher:unsubscribe", channel
        if self.random.random() < 0.1:
            data = json.dumps(data)
        message = {"event": name, "channel": channel, "data": data}
        if self.random.random() < 0.05:
            message[self.random.choice(("event", "channel", "user_id"))] = self.value()
        return json.dumps(message, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")

    def mutated(self, payload: bytes) -> bytes:
        """The same with some bytes flipped, lost, doubled or put in."""
        changed = bytearray(payload)
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(changed) + 1)
            kind = self.random.randrange(4)
            if kind == 0 and at < len(changed):
                changed[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                del changed[at : at + self.random.randrange(1, 20)]
            elif kind == 2:
                changed[at:at] = changed[at : at + self.random.randrange(1, 20)]
            else:
                changed[at:at] = self.random.choice((b"\\ud800", b"\xff", b"NaN", b"1e999", b"[", b'"', b"\\", b"\x00"))
        return bytes(changed)

    def frame(self, client: MemoryClient) -> bytes:
        """Bytes for the wire."""
        kind = self.random.random()
        if kind < 0.01:
            return self.random.randbytes(self.random.randrange(1, 200))
        if kind < 0.04:
            fin = self.random.random() < 0.7
            return masked(self.random.choice(OPCODES), self.random.randbytes(self.random.randrange(130)), fin)
        payload = self.message(client)
        if kind < 0.4:
            payload = self.mutated(payload)
        opcode = 0x2 if self.random.random() < 0.1 else 0x1
        if self.random.random() < 0.1:
            cut = self.random.randrange(len(payload) + 1)
            return masked(opcode, payload[:cut], fin=False) + masked(0x0, payload[cut:])
        return masked(opcode, payload)


class HostileFrameTests(SynchronousTestCase):
    """trial fails these tests when anything is logged as a failure."""

    def storm(self, seed: int, frames: int) -> None:
        app = fixture_app(max_client_events_per_second=0, enable_subscription_count_events=True)
        server = MemoryServer(apps=[app], late=seed % 2 == 1)
        source = Hostility(seed)
        witness = server.client()
        witness.subscribe("private-witness")
        clients: list[MemoryClient] = [server.client() for _ in range(5)]
        for number in range(frames):
            place = source.random.randrange(len(clients))
            if clients[place].closed is not None or not clients[place].wire.connected:
                clients[place] = server.client()
            clients[place].write(source.frame(clients[place]))
            if number % 500 == 499:
                server.advance(source.random.choice((0.05, 1, 5)))
                witness.take()
                self.assertTrue(witness.answers(), f"after {number} frames of seed {seed}")
                self.assertEqual(self.flushLoggedErrors(), [], f"after {number} frames of seed {seed}")
                for client in clients:
                    client.json()
        self.assertIsNone(witness.closed)
        for client in [*clients, witness]:
            client.cut()
        server.advance(10)
        self.assertEqual(server.tables(), {})

    def test_storm(self) -> None:
        """Ten thousand random and mutated frames: no failure logged, pings answered, nothing left behind."""
        for seed in range(5):
            self.storm(seed, 2000)

    @pytest.mark.long
    def test_long_storm(self) -> None:
        """The same with a hundred thousand."""
        self.storm(random.randrange(10**6), 100_000)

    def test_upgrade_noise(self) -> None:
        """Mutated upgrade requests and noise are answered or dropped, and leave nothing."""
        server = MemoryServer()
        source = Hostility(7)
        head = (
            b"GET /app/key?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        for _ in range(500):
            wire = server.open(lambda data: None, lambda: None)
            wire.feed(source.mutated(head))
            server.pump()
            if source.random.random() < 0.5 and wire.connected:
                wire.feed(source.random.randbytes(50))
                server.pump()
            if wire.connected:
                wire.cut()
        server.advance(200)
        self.assertEqual(server.tables(), {})
