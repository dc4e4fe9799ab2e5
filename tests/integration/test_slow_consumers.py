"""Clients that stop reading, on real connections: only a kernel has buffers to fill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ClientEndpoint, TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from wsproto.connection import CLIENT, Connection
from wsproto.events import CloseConnection, TextMessage

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.engine.server import Engine
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import RecordingFacts, fixture_app, masked
from sockudo_tx.transports.port import PortFactory, WebSocketSettings
from sockudo_tx.transports.rest.settings import RestSettings
from sockudo_tx.transports.rest.site import rest_site
from sockudo_tx.transports.tls import TlsFactory
from sockudo_tx.transports.turn import Turn
from tests.certificates import self_signed, server_context

UPGRADE = (
    b"GET /app/key HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SUBSCRIBE = masked(0x1, b'{"event":"pusher:subscribe","data":{"channel":"news"}}')
PING = masked(0x1, b'{"event":"pusher:ping","data":{}}')
EVENT_BYTES = 32 * 1024
EVENTS = 1200
"""37 MiB in all: many times what the kernel's buffers and ours hold for one connection."""


async def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait for something that is about to happen."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Reader(Protocol):
    """A subscriber of `news` that can stop reading. Remembers the numbers of the events it got."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.others: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.gone = False
        self._head = b""
        self._partial: list[str] = []
        self._frames: Connection | None = None

    def connectionMade(self) -> None:
        self.transport.write(UPGRADE + SUBSCRIBE)  # type: ignore[union-attr]

    def stop(self) -> None:
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def resume(self) -> None:
        self.transport.resumeProducing()  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        if self._frames is None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._frames = Connection(CLIENT)
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

    def _message(self, text: str) -> None:
        if text.startswith('{"event":"tick"'):
            self.numbers.append(int(text.partition('"data":"')[2].partition(" ")[0]))
        else:
            self.others.append(text)

    def connectionLost(self, reason: object = None) -> None:
        self.gone = True


class SlowConsumerTests(TestCase):
    """One client stops reading; what becomes of it is a setting, and nobody else notices."""

    timeout = 60

    def listen(self, settings: WebSocketSettings) -> None:
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
        self.factory = PortFactory(self.engine, site, settings, clock)  # type: ignore[arg-type]
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

    async def reader(self) -> Reader:
        reader: Reader = await connectProtocol(self.endpoint(), Reader())
        self.readers.append(reader)
        await until(lambda: len(reader.others) == 2, "subscription_succeeded")
        return reader

    async def caught_up(self, readers: list[Reader], count: int) -> None:
        """Wait until these have received so many events."""
        await until(lambda: all(len(reader.numbers) >= count for reader in readers), f"{count} events")

    async def publish(self, fast: list[Reader], enough: Callable[[], bool] = lambda: False) -> int:
        """Publish events as fast as the good readers take them; how many there were."""
        filling = "x" * EVENT_BYTES
        for number in range(EVENTS):
            self.engine.publish(self.app, Publication("tick", ("news",), f"{number} {filling}"))
            await deferLater(reactor, 0)
            await self.caught_up(fast, number - 4)
            if enough():
                return number + 1
        return EVENTS

    async def test_P141_disconnected(self) -> None:
        """Given `max_messages` 10, `disconnect_on_buffer_full` true and a client that stops reading, when far more is
        published than buffers hold, then it is disconnected (4100 if readable) within 10 s and other subscribers
        receive everything."""
        self.listen(WebSocketSettings(max_messages=10, disconnect_on_buffer_full=True))
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
        self.listen(WebSocketSettings(max_messages=10, disconnect_on_buffer_full=True))
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
        self.listen(WebSocketSettings(max_messages=10, disconnect_on_buffer_full=False))
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
        self.engine.publish(self.app, Publication("tick", ("news",), f"{EVENTS} again"))
        await until(lambda: len(slow.numbers) == got + 1, "the slow client gets events again")


class TlsSlowConsumerTests(SlowConsumerTests):
    """The same over TLS: encryption holds back nothing of its own."""

    def outermost(self) -> Factory:
        return TlsFactory(self.factory, server_context(*self_signed(Path(self.mktemp()))), reactor)  # type: ignore[arg-type]

    def endpoint(self) -> Any:
        return SSL4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port, CertificateOptions())
