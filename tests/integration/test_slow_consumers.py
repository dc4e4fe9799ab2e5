"""Clients that stop reading, on real connections: only a kernel has buffers to fill."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import SSL4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater

from sockudo_tx.transports.tls import TlsFactory
from tests.certificates import self_signed, server_context

from .slow_case import EVENTS, PING, Reader, SlowCase, until


class SlowConsumerTests(SlowCase):
    """One client stops reading; what becomes of it is a setting, and nobody else notices."""

    async def test_P141_disconnected(self) -> None:
        """Given `max_messages` 10, `disconnect_on_buffer_full` true and a client that stops reading, when far more is
        published than buffers hold, then it is disconnected (4100 if readable) within 10 s and other subscribers
        receive everything."""
        self.listen(max_messages=10, disconnect_on_buffer_full=True)
        fast, slow = [await self.reader() for _ in range(3)], await self.reader()
        slow.stop()
        count = await self.publish(fast)
        await self.caught_up(fast, count)
        for reader in fast:
            self.assertEqual((reader.numbers, reader.closed), (list(range(count)), None))
        await until(lambda: self.engine.tables()["connections"] == 3, "the slow client's connection is given up")
        slow.resume()
        await until(lambda: slow.gone, "the slow client is disconnected")
        self.assertEqual(slow.numbers, list(range(len(slow.numbers))))
        self.assertLess(len(slow.numbers), count)

    async def test_P141_told(self) -> None:
        """A client that reads again in time is told why: 4100, as error and as Close frame."""
        self.listen(max_messages=10, disconnect_on_buffer_full=True)
        fast, slow = [await self.reader()], await self.reader()
        slow.stop()
        await self.publish(fast, lambda: self.factory.websockets.slow.disconnected == 1)
        slow.resume()
        await until(lambda: slow.gone, "the slow client is disconnected")
        text = "Client buffer full (message limit: 10), disconnecting slow consumer"
        self.assertEqual(slow.closed, (4100, text))
        self.assertEqual(
            json.loads(slow.others[-1]), {"event": "pusher:error", "data": {"code": 4100, "message": text}}
        )

    async def test_P142_dropped(self) -> None:
        """Given `disconnect_on_buffer_full` false, then the slow client stays connected, misses messages, and other
        subscribers receive everything."""
        self.listen(max_messages=10, disconnect_on_buffer_full=False)
        fast, slow = [await self.reader() for _ in range(3)], await self.reader()
        slow.stop()
        count = await self.publish(fast)
        await self.caught_up(fast, count)
        for reader in fast:
            self.assertEqual((reader.numbers, reader.closed), (list(range(count)), None))
        slow.resume()
        slow.transport.write(PING)  # type: ignore[union-attr]
        await until(lambda: slow.others[2:] == ['{"event":"pusher:pong"}'], "the slow client is answered")
        self.assertFalse(slow.gone)
        self.assertLess(len(slow.numbers), count)
        self.assertEqual(slow.numbers, sorted(set(slow.numbers)))
        got = len(slow.numbers)
        self.tick(EVENTS, "again")
        await until(lambda: len(slow.numbers) == got + 1, "the slow client gets events again")


class LimitTests(SlowCase):
    """What is kept for a client, exactly."""

    async def test_S86_at_most_the_limit_is_kept(self) -> None:
        """Given max_messages 100 and disconnect_on_buffer_full, then a client that stops reading is closed with 4100 by
        the 101st event that the transport has no room for, and finds all that came before those 101; until then, and
        after it, the others have nothing waiting for them when an event has been published."""
        self.listen(max_messages=100, disconnect_on_buffer_full=True)
        fast, slow = [await self.reader() for _ in range(3)], await self.reader()
        slow.stop()
        slowness, sink = self.factory.websockets.slow, self.sink(slow)
        others = [self.sink(reader) for reader in fast]

        def over() -> bool:
            self.assertLessEqual(sink.waiting[0], 100)
            self.assertEqual([(each.blocked, each.waiting) for each in others], [(False, (0, 0))] * 3)
            return slowness.disconnected == 1

        count = await self.publish(fast, over)
        slow.resume()
        await until(lambda: slow.gone, "the slow client is disconnected")
        self.assertEqual(slow.closed, (4100, "Client buffer full (message limit: 100), disconnecting slow consumer"))
        self.assertEqual(slow.numbers, list(range(count - 101)))
        for number in range(count, count + 50):
            self.tick(number)
            await deferLater(reactor, 0)
            self.assertEqual([(each.blocked, each.waiting) for each in others], [(False, (0, 0))] * 3)
            await self.caught_up(fast, number)
        await self.caught_up(fast, count + 50)
        for reader in fast:
            self.assertEqual((reader.numbers, reader.closed), (list(range(count + 50)), None))

    async def test_S88_large_event_to_an_idle_client(self) -> None:
        """Given max_bytes 65536 and an event of 100 KB, then a client with nothing waiting gets it whole."""
        await self.idle_client_gets_it(disconnect=False)

    async def test_S88_where_slow_ones_are_disconnected(self) -> None:
        """The same with disconnect_on_buffer_full: nobody is slow who has read everything so far."""
        await self.idle_client_gets_it(disconnect=True)

    async def idle_client_gets_it(self, *, disconnect: bool) -> None:
        self.listen(max_messages=None, max_bytes=65536, disconnect_on_buffer_full=disconnect)
        reader = await self.reader()
        for number in range(3):
            self.tick(number, os.urandom(51_200).hex())
            await self.caught_up([reader], number + 1)
        self.assertEqual((reader.numbers, reader.closed), ([0, 1, 2], None))


class SlowMemberTests(SlowCase):
    """A member of a presence channel who stops reading while others come and go."""

    channel = "presence-room"

    async def test_S87_kept(self) -> None:
        """Given max_messages 100 without disconnect_on_buffer_full, then a client that stops reading stays connected,
        misses ordinary events, hears of every member who came or went meanwhile, in order, and gets the next event
        in full once it reads."""
        self.listen(max_messages=100, disconnect_on_buffer_full=False)
        fast, slow = await self.reader("fast"), await self.reader("slow")
        slow.stop()
        slowness, sink = self.factory.websockets.slow, self.sink(slow)
        count = await self.publish([fast], lambda: slowness.dropped >= 20)
        guests = [f"guest-{number}" for number in range(20)]
        for number, guest in enumerate(guests, count):
            visitor = await self.reader(guest)
            self.tick(number)
            visitor.leave()
            await until(lambda visitor=visitor: visitor.gone, "a guest has left")  # type: ignore[misc]
            await until(lambda guest=guest: guest in _users(fast, "member_removed"), "it is told")  # type: ignore[misc]
        count += len(guests)
        await self.caught_up([fast], count)
        self.assertEqual(sink.waiting[0], 100 + 2 * len(guests))
        dropped = slowness.dropped
        slow.resume()
        await until(lambda: _users(slow, "member_removed") == guests, "the slow client hears of all who went")
        self.assertEqual(_users(slow, "member_added"), guests)
        self.assertEqual(len(slow.numbers), count - dropped)
        self.assertEqual(slow.numbers, list(range(count - dropped)))
        self.tick(count)
        await until(lambda: slow.numbers[-1:] == [count], "the next event")
        self.assertEqual((slow.closed, slow.gone, slowness.disconnected), (None, False, 0))
        self.assertEqual((fast.numbers, fast.closed), (list(range(count + 1)), None))

    async def test_S87_allowance(self) -> None:
        """Members are not remembered without end for a client that never reads: 64 messages beyond the limit, and
        the next ends it with 4100."""
        self.listen(max_messages=100, disconnect_on_buffer_full=False)
        fast, slow = await self.reader("fast"), await self.reader("slow")
        slow.stop()
        slowness, sink = self.factory.websockets.slow, self.sink(slow)
        await self.publish([fast], lambda: slowness.dropped >= 1)
        for number in range(32):
            visitor = await self.reader(f"guest-{number}")
            visitor.leave()
            await until(lambda: len(_users(fast, "member_removed")) == number + 1, "it is told")  # noqa: B023
        self.assertEqual((sink.waiting[0], slowness.disconnected), (164, 0))
        await self.reader("one too many")
        self.assertEqual(slowness.disconnected, 1)
        slow.resume()
        await until(lambda: slow.gone, "the slow client is disconnected")
        self.assertEqual(slow.closed, (4100, "Client buffer full (message limit: 100), disconnecting slow consumer"))
        self.assertEqual(_users(slow, "member_added"), [])


def _users(reader: Reader, what: str) -> list[str]:
    """Who came or went, as this reader heard it."""
    told = reader.named(f"pusher_internal:{what}")
    return [json.loads(message["data"])["user_id"] for message in told if "slow" not in message["data"]]


class SharedDeflateTests(LimitTests):
    """The same with permessage-deflate, compressed once for all."""

    compression = "shared"


class OwnDeflateTests(LimitTests):
    """The same with a compressor for each connection, which must never have seen what was dropped."""

    compression = "dedicated"


class OwnDeflateMemberTests(SlowMemberTests):
    """Members, with a compressor for each connection."""

    compression = "dedicated"


class _Tls(SlowCase):
    """Over TLS: encryption holds back nothing of its own."""

    def outermost(self) -> Factory:
        return TlsFactory(self.factory, server_context(*self_signed(Path(self.mktemp()))), reactor)  # type: ignore[arg-type]

    def endpoint(self) -> Any:
        return SSL4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port, CertificateOptions())


class TlsSlowConsumerTests(_Tls, SlowConsumerTests):
    """The same over TLS."""


class TlsLimitTests(_Tls, LimitTests):
    """Limits over TLS."""


class TlsSlowMemberTests(_Tls, SlowMemberTests):
    """Members over TLS."""
