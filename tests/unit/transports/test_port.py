"""One port, two grammars: who gets a connection, when, and that nothing of the other stays behind."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import masked
from sockudo_tx.transports.framing import text_frame
from sockudo_tx.transports.port import Arrival, PortFactory, WebSocketSettings
from sockudo_tx.transports.rest.channel import LINGER, RestChannel
from sockudo_tx.transports.rest.site import RestSettings, rest_site
from sockudo_tx.transports.settings import ListenerSettings
from sockudo_tx.transports.turn import Turn
from sockudo_tx.transports.websocket import WebSocketProtocol

from .kernel import Pair, Selector
from .recorder import Recorder

UPGRADE = (
    b"GET /app/key?protocol=7 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: https://a.com\r\n\r\n"
)
USAGE = b"GET /usage HTTP/1.1\r\nHost: localhost\r\n\r\n"
HELLO = text_frame(b"established")


class PortCase(SynchronousTestCase):
    """A port, and one connection to it over a socket pair."""

    def setUp(self) -> None:
        self.engine = Recorder()
        self.engine.on_connect = lambda sink: sink.push_control(HELLO)
        self.listen()

    def listen(self, path_prefix: str = "/", **settings: Any) -> None:
        self.clock = self.engine.clock = Selector()
        engine: Any = self.engine
        self.port = PortFactory(
            engine,
            rest_site(
                engine, RestSettings(path_prefix=path_prefix), Turn(lambda flush: self.clock.callLater(0, flush))
            ),
            WebSocketSettings(path_prefix=path_prefix, **settings),
            self.clock,
        )
        self.connect()

    def connect(self) -> None:
        """A new connection; nothing has been sent on it."""
        self.pair = Pair(reactor=self.clock)
        self.addCleanup(self.pair.close)
        self.pair.transport.protocol = self.port.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        self.pair.transport.startReading()
        self.pair.transport.protocol.makeConnection(self.pair.transport)

    @property
    def now(self) -> object:
        """Who has the connection."""
        return self.pair.transport.protocol

    def send(self, data: bytes) -> None:
        """The client sends, and the transport delivers it to whoever it belongs to."""
        self.pair.transport._dataReceived(data)

    def received(self) -> bytes:
        self.pair.step()
        return self.pair.read_all()

    def status(self) -> int:
        """The status of an HTTP answer."""
        return int(self.received().split(b" ", 2)[1])


class ArrivalTests(PortCase):
    """The first request decides"""

    def test_upgrade(self) -> None:
        """A valid upgrade belongs to Autobahn at once."""
        self.send(UPGRADE)
        self.assertIsInstance(self.now, WebSocketProtocol)
        self.assertEqual(self.engine.take(), [("connect", "key", "https://a.com")])
        answer = self.received()
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "))
        self.assertTrue(answer.endswith(b"\r\n\r\n" + HELLO))

    def test_rest(self) -> None:
        """Anything else belongs to HTTP as soon as it cannot be an upgrade any more."""
        for start in (b"P", b"GET /u", b"GET /apps/", b"GET /app?", b"GET /ap\r", b"\r\n", b"\x16\x03\x01", b"get"):
            self.connect()
            self.send(start)
            self.assertIsInstance(self.now, RestChannel, start)
        self.connect()
        self.send(USAGE)
        self.assertEqual(self.status(), 200)

    def test_undecided(self) -> None:
        """What may still become an upgrade waits."""
        for start in (b"G", b"GET ", b"GET /app", b"GET /app/", UPGRADE[:-1]):
            self.connect()
            self.send(start)
            self.assertIsInstance(self.now, Arrival, start)

    def test_byte_by_byte(self) -> None:
        """It does not matter how the bytes arrive, for either."""
        for request, status in ((UPGRADE, 101), (USAGE, 200), (UPGRADE.replace(b"=7", b"=x"), 400)):
            self.connect()
            for byte in request:
                self.send(bytes((byte,)))
            self.assertEqual(self.status(), status)

    def test_pipelined(self) -> None:
        """Frames that came in one packet with the head are heard."""
        last = masked(1, b"bird")
        self.send(UPGRADE + masked(1, b"early") + last[:3])
        self.assertEqual([call[1] for call in self.engine.take()], ["key", b"early"])
        self.send(last[3:])
        self.assertEqual([call[1] for call in self.engine.take()], [b"bird"])

    def test_refused(self) -> None:
        """An upgrade with a fault is refused by HTTP, and the connection lives on."""
        for request, status in (
            (UPGRADE.replace(b"protocol=7", b"protocol=300"), 400),
            (UPGRADE.replace(b"protocol=7", b"protocol=7&protocol=7"), 400),
            (UPGRADE.replace(b"Upgrade: websocket\r\n", b""), 400),
            (UPGRADE.replace(b"Version: 13", b"Version: 12"), 400),
            (UPGRADE.replace(b"/app/key", b"/app/"), 404),
            (UPGRADE.replace(b"/app/key", b"/app/key/x"), 404),
            (UPGRADE.replace(b"/app/key", b"/other/key"), 404),
            (UPGRADE.replace(b"GET", b"POST"), 405),
        ):
            self.connect()
            self.send(request)
            self.assertEqual(self.status(), status, request)
            self.send(USAGE)
            self.assertEqual(self.status(), 200)
        self.assertEqual(self.engine.take(), [])

    def test_strange_heads(self) -> None:
        """A head we do not understand is refused by HTTP."""
        for old, new in ((b"Host:", b"Ho st:"), (b"Host: localhost", b"Host"), (b"HTTP/1.1", b"HTTP/9")):
            self.connect()
            self.send(UPGRADE.replace(old, new))
            self.assertEqual(self.status(), 400, new)

    def test_folded_header(self) -> None:
        """A folded header is HTTP's to read; the upgrade works all the same."""
        self.send(UPGRADE.replace(b"Host: localhost", b"Host: localhost\r\nX-Folded: a\r\n b"))
        self.assertEqual(self.status(), 101)

    def test_absolute_target(self) -> None:
        """So does one with the host in its target, as proxies send it."""
        self.send(UPGRADE.replace(b"GET /app", b"GET http://localhost/app"))
        self.assertEqual(self.status(), 101)

    def test_body(self) -> None:
        """The body of a GET is not taken for frames."""
        for field in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):
            self.connect()
            body = b"4\r\nbody\r\n0\r\n\r\n" if b"chunked" in field else b"body body"
            self.send(UPGRADE.replace(b"Host:", field + b"\r\nHost:") + body + masked(1, b"frame"))
            self.assertEqual(self.status(), 101)
            self.assertEqual([call[1] for call in self.engine.take()], ["key", b"frame"])

    def test_too_long(self) -> None:
        """A head of more than 16 KiB is refused without being collected any further, and if it is all there."""
        for end in (b"", b"\r\n\r\n"):
            self.connect()
            self.send(UPGRADE[:-4] + b"\r\nX: " + b"x" * ListenerSettings().max_header_bytes + end)
            self.assertIsInstance(self.now, RestChannel)
            self.assertEqual(self.status(), 431)

    def test_just_short_enough(self) -> None:
        """One of 16 KiB is read."""
        filling = b"\r\nX: " + b"x" * (ListenerSettings().max_header_bytes - len(UPGRADE) - 5)
        self.send(UPGRADE[:-4] + filling + b"\r\n\r\n")
        self.assertEqual(self.status(), 101)

    def test_too_slow(self) -> None:
        """A head that is not complete in time is answered 408 and closed, however steadily it drips."""
        for first in (b"G", UPGRADE[:20]):
            self.pair.transport.connectionLost(Failure(ConnectionDone()))
            self.connect()
            self.send(first)
            for position in range(len(first), len(first) + 4):
                self.clock.advance(2.1)
                self.send(UPGRADE[position : position + 1])
            self.assertEqual(self.received(), b"")
            self.clock.advance(1.6)
            self.assertEqual(self.status(), 408)
            self.send(UPGRADE[10:])
            self.clock.advance(LINGER)
            self.pair.step()
            self.assertFalse(hasattr(self.pair.transport, "socket"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.port.pending.late, 2)

    def test_silent(self) -> None:
        """A client that connects ahead of need may say nothing for a minute; then it is gone, with nothing to tell."""
        self.clock.advance(59)
        self.send(UPGRADE)
        self.assertEqual(self.status(), 101)
        self.connect()
        self.clock.advance(60)
        self.assertEqual(self.received(), b"")
        self.assertFalse(self.pair.transport.connected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """A client that leaves before it has said what it wants leaves nothing behind."""
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.connect()
        self.send(b"GET /app/")
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_draining(self) -> None:
        """While the server drains, upgrades are answered 503."""
        self.engine.admitting = False
        self.send(UPGRADE)
        self.assertEqual(self.status(), 503)
        self.assertEqual(self.engine.take(), [])

    def test_prefix(self) -> None:
        """Under a path prefix everything moves."""
        for prefix in ("/ws", "/ws/", "ws"):
            self.listen(path_prefix=prefix)
            self.send(UPGRADE.replace(b"/app/", b"/ws/app/"))
            self.assertEqual(self.status(), 101)
            self.connect()
            self.send(UPGRADE)
            self.assertEqual(self.status(), 404)

    def test_no_delay(self) -> None:
        """Small frames are not held back by the kernel: TCP_NODELAY is set on arrival."""
        calls: list[bool] = []
        transport: Any = self.pair.transport
        transport.setTcpNoDelay = calls.append
        self.port.buildProtocol(None).makeConnection(self.pair.transport)
        self.assertEqual(calls, [True])

    def test_nothing_stays(self) -> None:
        """The arrival is forgotten when it has decided: no timer, no reference."""
        for request in (UPGRADE, USAGE):
            self.pair.transport.connectionLost(Failure(ConnectionDone()))
            self.connect()
            arrival = weakref.ref(self.now)
            before = len(self.clock.getDelayedCalls())
            self.send(request)
            self.received()
            gc.collect()
            self.assertIsNone(arrival())
            self.assertEqual(len(self.clock.getDelayedCalls()), before - (request is UPGRADE))


class TakeOverTests(PortCase):
    """An upgrade on a connection that has carried REST requests"""

    def test_keep_alive(self) -> None:
        """It works, and the engine is told the same as always."""
        for _ in range(3):
            self.send(USAGE)
            self.assertEqual(self.status(), 200)
        self.send(UPGRADE)
        self.assertEqual(self.engine.take(), [("connect", "key", "https://a.com")])
        answer = self.received()
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "))
        self.assertTrue(answer.endswith(b"\r\n\r\n" + HELLO))

    def test_nothing_stays(self) -> None:
        """Nothing of the HTTP channel stays: no producer, no timer, no reference."""
        self.send(USAGE)
        self.received()
        channel = weakref.ref(self.now)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.send(UPGRADE)
        self.received()
        self.assertIsInstance(self.now, WebSocketProtocol)
        self.assertIsNone(self.pair.transport.producer)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        gc.collect()
        self.assertIsNone(channel())

    def test_one_packet(self) -> None:
        """Request, upgrade and frames in one packet: the answers keep their order and every frame is heard."""
        self.send(USAGE + UPGRADE + masked(1, b"early") + masked(1, b"bird"))
        self.assertEqual([call[1] for call in self.engine.take()], ["key", b"early", b"bird"])
        answer = self.received()
        first, second = answer.index(b"HTTP/1.1 200 "), answer.index(b"HTTP/1.1 101 ")
        self.assertLess(first, second)
        self.assertTrue(answer.endswith(b"\r\n\r\n" + HELLO))
        self.assertIsNone(self.pair.transport.producer)

    def test_backlog(self) -> None:
        """`connection_established` never overtakes the 101, nor the 101 an answer the client has not read."""
        self.engine.on_connect = lambda sink: [sink.push_control(HELLO) for _ in range(3)]
        self.send(USAGE * 300)
        self.send(UPGRADE)
        answer = self.received()
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), 300)
        self.assertTrue(answer[answer.rindex(b"HTTP/1.1 200 ") :].partition(b"HTTP/1.1 101 ")[2].endswith(HELLO * 3))

    def test_reading_goes_on(self) -> None:
        """A channel that had stopped reading does not leave the WebSocket deaf."""
        self.send(USAGE * 300 + UPGRADE)
        self.received()
        self.assertIn(self.pair.transport, self.clock.readers)

    def test_refused(self) -> None:
        """A bad upgrade is refused and the connection stays HTTP."""
        self.send(USAGE)
        self.received()
        self.send(UPGRADE.replace(b"protocol=7", b"protocol=x"))
        self.assertEqual(self.status(), 400)
        self.send(UPGRADE)
        self.assertEqual(self.status(), 101)

    def test_draining(self) -> None:
        """While the server drains, upgrades are answered 503."""
        self.send(USAGE)
        self.received()
        self.engine.admitting = False
        self.send(UPGRADE)
        self.assertEqual(self.status(), 503)

    def test_closes_afterwards(self) -> None:
        """Such a WebSocket ends like any other."""
        self.send(USAGE + UPGRADE)
        self.received()
        self.send(masked(8, b"\x03\xe8"))
        self.assertEqual(self.received(), b"\x88\x02\x03\xe8")
        self.assertFalse(hasattr(self.pair.transport, "socket"))
        self.assertEqual((self.engine.take()[-1], self.clock.getDelayedCalls()), (("disconnected",), []))

    def test_idle_timeout_is_gone(self) -> None:
        """HTTP's idle timeout does not touch a WebSocket."""
        self.send(USAGE + UPGRADE)
        self.received()
        self.clock.advance(1000)
        self.assertTrue(self.pair.transport.connected)


class OtherTransportTests(PortCase):
    """Transports that are not plain sockets"""

    def test_delivered_to_the_arrival(self) -> None:
        """A transport that goes on delivering to the protocol it began with is served as well."""
        makers: list[Callable[[Any], Any]] = [
            lambda protocol: FakeTransport(protocol, isServer=True),
            lambda protocol: StringTransport(),
        ]
        for make in makers:
            arrival = self.port.buildProtocol(None)
            transport = make(arrival)
            arrival.makeConnection(transport)
            for data in (USAGE, UPGRADE, masked(1, b"text")):
                arrival.dataReceived(data)
                self.clock.advance(0)
            arrival.connectionLost(Failure(ConnectionDone()))
            self.assertEqual(
                self.engine.take(), [("connect", "key", "https://a.com"), ("hear", b"text", False), ("disconnected",)]
            )
            sent = transport.value() if isinstance(transport, StringTransport) else transport.getOutBuffer()
            self.assertLess(sent.index(b"HTTP/1.1 200 "), sent.index(b"HTTP/1.1 101 "))
            self.assertTrue(sent.endswith(HELLO))
