"""Followers that stop reading, on real connections: whatever is dropped, what arrives decodes to what was published."""

from __future__ import annotations

import base64
import json
import os
import random
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import connectProtocol
from twisted.internet.task import deferLater

from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import masked
from tests.delta.model import Model

from .slow_case import Reader, SlowCase, until

FOLLOWERS, SLOW = 24, 6
"""So many that they share what they are sent."""
TURNS = 40


class FollowingReader(Reader):
    """Follows its channel by deltas, and holds each event against what was published."""

    def __init__(self, published: list[str], **how: Any) -> None:
        super().__init__(**how)
        self.model = Model()
        self._published = published

    def connectionMade(self) -> None:
        self.transport.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 8192)  # type: ignore[union-attr]
        super().connectionMade()

    def _subscribe(self) -> None:
        text = json.dumps({"event": "pusher:subscribe", "data": {"channel": self._channel, "delta": True}})
        self.transport.write(masked(0x1, text.encode()))  # type: ignore[union-attr]

    def _message(self, text: str) -> None:
        event = self.model.hear(text)
        if event is None:
            super()._message(text)
            return
        number = int(json.loads(event)["data"].partition(" ")[0])
        assert event == self._published[number], f"event {number} is not what was published"
        self.numbers.append(number)


class SlowFollowerTests(SlowCase):
    """Some followers read now and then, the others all the time."""

    async def follower(self, published: list[str]) -> FollowingReader:
        reader = FollowingReader(published, deflate=self.compression != "disabled")
        await connectProtocol(self.endpoint(), reader)
        self.readers.append(reader)
        await until(lambda: len(reader.others) >= 2, "the subscription")
        return reader

    def say(self, published: list[str], filling: str, excluded: str | None = None) -> None:
        """Publish one numbered event."""
        data = f"{len(published)} {filling}"
        published.append(json.dumps({"event": "e", "channel": "news", "data": data}, separators=(",", ":")))
        self.engine.publish(self.app, Publication("e", ("news",), data, excluded))

    async def test_S87_delta(self) -> None:
        """Given disconnect_on_buffer_full false, then a follower that stops reading misses events and stays; once it
        reads, the next event is a full message for it and a delta for the others, and the one after it a delta."""
        self.listen(max_messages=12, disconnect_on_buffer_full=False)
        self.port.socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 8192)
        published: list[str] = []
        fast, slow = await self.follower(published), await self.follower(published)
        filling = os.urandom(3000).hex()
        slow.stop()
        slowness = self.factory.websockets.slow
        while slowness.dropped < 20 or fast.model.kinds[-1] != "full":  # ten deltas follow
            self.say(published, filling)
            filling = os.urandom(2000).hex() + filling[:2000] if slowness.dropped < 20 else filling
            await until(lambda: fast.numbers[-1:] == [len(published) - 1], "the one who reads")
        slow.resume()
        await until(lambda: not self.sink(slow).blocked, "the slow one has what was kept for it", 30)
        got = len(fast.model.kinds)
        for _ in range(2):
            self.say(published, filling)
            await until(lambda: slow.numbers[-1:] == fast.numbers[-1:] == [len(published) - 1], "both are up to date")
        self.assertEqual(slow.model.kinds[-2:], ["full", "delta"])
        self.assertEqual(fast.model.kinds[got:], ["delta", "delta"])
        self.assertEqual((slow.closed, slowness.disconnected), (None, 0))

    async def test_any_drops(self) -> None:
        """Who reads gets events mostly as deltas; who does not misses some, and nobody ever gets a wrong one."""
        rng = random.Random(3)
        self.listen(max_messages=12, max_bytes=200_000, disconnect_on_buffer_full=False)
        self.port.socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 8192)
        published: list[str] = []
        followers = [await self.follower(published) for _ in range(FOLLOWERS)]
        slow, fast = followers[:SLOW], followers[SLOW:]
        filling = ""
        for _ in range(TURNS):
            for _ in range(rng.choice((1, 2, 6))):
                if not filling or rng.random() < 0.3:
                    filling = base64.b64encode(rng.randbytes(rng.choice((200, 3000, 30_000)))).decode()
                place = rng.randrange(len(filling))
                filling = f"{filling[:place]}{rng.random()}{filling[place + 9 :]}"
                self.say(published, filling, rng.choice(fast).socket_id if rng.random() < 0.05 else None)
            await deferLater(reactor, 0)
            for reader in slow:
                if rng.random() < 0.15:
                    (reader.stop if rng.random() < 0.8 else reader.resume)()
            await until(lambda: all(each.numbers[-1:] >= [len(published) - 20] for each in fast), "those who read")
        for reader in slow:
            reader.resume()
        await until(lambda: not any(self.sink(reader).blocked for reader in followers), "all queues are empty", 30)
        for _ in range(3):
            self.say(published, filling)
        await until(
            lambda: all(each.numbers[-1:] == [len(published) - 1] for each in followers), "everybody is up to date"
        )
        for reader in fast:
            self.assertEqual(reader.numbers, sorted(reader.numbers))
            self.assertGreater(len(reader.numbers), len(published) / 2)
        kinds = fast[0].model.kinds
        self.assertGreater(kinds.count("delta"), len(kinds) / 3)
        self.assertGreater(self.factory.websockets.slow.dropped, 50)
        self.assertTrue(all(reader.numbers == sorted(set(reader.numbers)) for reader in slow))


class SharedCompressionTests(SlowFollowerTests):
    """The same over frames that are compressed once for all."""

    compression = "shared"


class OwnCompressionTests(SlowFollowerTests):
    """The same where each connection is compressed by itself."""

    compression = "dedicated"
