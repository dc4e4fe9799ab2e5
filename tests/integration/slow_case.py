"""Subscribers that can stop reading, and a real server on the loopback interface for them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from wsproto.connection import CLIENT, Connection
from wsproto.events import CloseConnection, TextMessage
from wsproto.extensions import PerMessageDeflate

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.engine.server import Engine
from sockudo_tx.protocol.auth import channel_signature
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import RecordingFacts, fixture_app, masked
from sockudo_tx.transports.port import PortFactory, WebSocketSettings
from sockudo_tx.transports.rest.settings import RestSettings
from sockudo_tx.transports.rest.site import rest_site
from sockudo_tx.transports.sink import WebSocketSink
from sockudo_tx.transports.turn import Turn

__all__ = ["EVENTS", "EVENT_BYTES", "PING", "Reader", "SlowCase", "until"]

PING = masked(0x1, b'{"event":"pusher:ping","data":{}}')
EVENT_BYTES = 32 * 1024
EVENTS = 1200
"""37 MiB in all: many times what the kernel's buffers and ours hold for one connection."""
_FILLING = base64.b64encode(os.urandom(EVENT_BYTES * 3 // 4)).decode()
"""The previous event is just out of reach for a compressor, so all that it can do is to leave a quarter away."""


async def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait for something that is about to happen."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Reader(Protocol):
    """A subscriber that can stop reading. Remembers the numbers of the events it got, in full, and other messages."""

    def __init__(self, channel: str = "news", user: str | None = None, *, deflate: bool = False) -> None:
        self.numbers: list[int] = []
        self.others: list[str] = []
        self.socket_id = ""
        self.closed: tuple[int, str] | None = None
        self.gone = False
        self._channel, self._user = channel, user
        self._head = b""
        self._partial: list[str] = []
        self._frames: Connection | None = None
        self._deflate = PerMessageDeflate() if deflate else None

    def connectionMade(self) -> None:
        offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if self._deflate else b""
        self.transport.write(  # type: ignore[union-attr]
            b"GET /app/key HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + offer + b"\r\n"
        )

    def stop(self) -> None:
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def resume(self) -> None:
        self.transport.resumeProducing()  # type: ignore[union-attr]

    def leave(self) -> None:
        self.transport.loseConnection()  # type: ignore[union-attr]

    def named(self, event: str) -> list[dict[str, Any]]:
        """The messages of one name, in the order they came."""
        return [message for message in map(json.loads, self.others) if message["event"] == event]

    def dataReceived(self, data: bytes) -> None:
        if self._frames is None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._begin(head)
        assert self._frames is not None
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, TextMessage):
                self._partial.append(event.data)
                if event.message_finished:
                    self._message("".join(self._partial))
                    self._partial.clear()
            elif isinstance(event, CloseConnection):
                self.closed = (int(event.code), event.reason or "")
                self.transport.write(masked(0x8, event.code.to_bytes(2, "big")))  # type: ignore[union-attr]

    def _begin(self, head: bytes) -> None:
        assert head.startswith(b"HTTP/1.1 101"), head
        extensions = []
        if self._deflate is not None:
            agreed = [line for line in head.decode().split("\r\n") if line.lower().startswith("sec-websocket-ext")]
            self._deflate.finalize(agreed[0].partition(":")[2].strip())
            extensions = [self._deflate]
        self._frames = Connection(CLIENT, extensions)

    def _message(self, text: str) -> None:
        if text.startswith('{"event":"tick"'):
            number, _, filling = text.partition('"data":"')[2].partition(" ")
            assert not filling.startswith(_FILLING[:100]) or _FILLING in filling, "an event arrived in part"
            self.numbers.append(int(number))
            return
        self.others.append(text)
        message = json.loads(text)
        if message["event"] == "pusher:connection_established":
            self.socket_id = json.loads(message["data"])["socket_id"]
            self._subscribe()

    def _subscribe(self) -> None:
        data: dict[str, str] = {"channel": self._channel}
        if self._user is not None:
            data["channel_data"] = json.dumps({"user_id": self._user})
            signature = channel_signature("secret", self.socket_id, self._channel, data["channel_data"])
            data["auth"] = f"key:{signature}"
        text = json.dumps({"event": "pusher:subscribe", "data": data})
        self.transport.write(masked(0x1, text.encode()))  # type: ignore[union-attr]

    def connectionLost(self, reason: object = None) -> None:
        self.gone = True


class SlowCase(TestCase):
    """A server, clients that read and clients that stop."""

    timeout = 60
    compression = "disabled"
    """`websocket.compression`; clients offer it unless it is off."""
    channel = "news"

    def listen(self, **settings: Any) -> None:
        """A real server on a free port of the loopback interface."""
        self.app = fixture_app()
        clock = reactor
        self.engine = Engine(
            clock=clock,  # type: ignore[arg-type]
            apps=MemoryApps([self.app]),
            authority=MemoryAuthority(clock),  # type: ignore[arg-type]
            cache=MemoryCache(clock),  # type: ignore[arg-type]
            facts=RecordingFacts(),
        )
        turn = Turn(lambda flush: reactor.callLater(0, flush))  # type: ignore[attr-defined]
        site = rest_site(self.engine, RestSettings(), turn)
        chosen = WebSocketSettings(compression=self.compression, **settings)
        self.factory = PortFactory(self.engine, site, chosen, clock)  # type: ignore[arg-type]
        self.port = reactor.listenTCP(0, self.outermost(), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.readers: list[Reader] = []
        self.addCleanup(lambda: Deferred.fromCoroutine(self.tidy()))

    def outermost(self) -> Factory:
        """What the kernel's connections go to."""
        return self.factory

    def endpoint(self) -> Any:
        """Where a client connects."""
        return TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port)

    async def tidy(self) -> None:
        for reader in self.readers:
            if not reader.gone:
                reader.transport.abortConnection()  # type: ignore[union-attr]
        await until(lambda: all(reader.gone for reader in self.readers), "the readers are gone")
        await self.engine.drain(0)
        await self.port.stopListening()
        self.assertEqual(set(self.engine.tables().values()), {0})

    async def reader(self, user: str | None = None) -> Reader:
        """A subscriber; of a presence channel, as this user."""
        made = Reader(self.channel, user, deflate=self.compression != "disabled")
        reader: Reader = await connectProtocol(self.endpoint(), made)
        self.readers.append(reader)
        await until(lambda: len(reader.others) >= 2, "subscription_succeeded")
        return reader

    def sink(self, reader: Reader) -> WebSocketSink:
        """The server's end of a connection."""
        found: Any = next(socket.sink for socket in self.engine.sockets() if socket.id == reader.socket_id)
        self.assertIsInstance(found, WebSocketSink)
        return found  # type: ignore[no-any-return]

    def tick(self, number: int, filling: str = _FILLING) -> None:
        """Publish one numbered event."""
        self.engine.publish(self.app, Publication("tick", (self.channel,), f"{number} {filling}"))

    async def caught_up(self, readers: list[Reader], count: int) -> None:
        """Wait until these have received so many events."""
        await until(lambda: all(len(reader.numbers) >= count for reader in readers), f"{count} events")

    async def publish(self, fast: list[Reader], enough: Callable[[], bool] = lambda: False) -> int:
        """Publish events as fast as the good readers take them; how many there were."""
        for number in range(EVENTS):
            self.tick(number)
            await deferLater(reactor, 0)
            await self.caught_up(fast, number - 4)
            if enough():
                return number + 1
        return EVENTS
