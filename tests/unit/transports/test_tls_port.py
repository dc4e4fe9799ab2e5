"""The port behind TLS: both grammars, the switch between them, and every way to end."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol import errors
from sockudo_tx.testing import masked
from sockudo_tx.transports.framing import text_frame
from sockudo_tx.transports.port import PortFactory, WebSocketSettings
from sockudo_tx.transports.rest.answering import LINGER
from sockudo_tx.transports.rest.channel import RestChannel
from sockudo_tx.transports.rest.site import RestSettings, rest_site
from sockudo_tx.transports.settings import ListenerSettings
from sockudo_tx.transports.tls import TlsFactory
from sockudo_tx.transports.turn import Turn
from sockudo_tx.transports.websocket import WebSocketProtocol
from sockudo_tx.transports.wire import TlsWire

from .kernel import Selector
from .recorder import Recorder
from .test_port import HELLO, UPGRADE, USAGE
from .tls_peer import TlsPeer, context


class TlsPortTests(SynchronousTestCase):
    """One connection, over TLS"""

    def setUp(self) -> None:
        self.engine = Recorder()
        self.engine.on_connect = lambda sink: sink.push_control(HELLO)
        self.clock = self.engine.clock = Selector()
        engine: Any = self.engine
        self.port = PortFactory(
            engine,
            rest_site(engine, RestSettings(), Turn(lambda flush: self.clock.callLater(0, flush))),
            WebSocketSettings(max_messages=10, disconnect_on_buffer_full=True),
            self.clock,
        )
        self.peer = TlsPeer(make=lambda: self.port.buildProtocol(None), clock=self.clock)
        self.addCleanup(self.peer.close)
        self.peer.shake_hands()

    def exchange(self, data: bytes = b"") -> bytes:
        """The client says this; what it receives."""
        self.peer.received = b""
        if data:
            self.peer.say(data)
        self.peer.settle()
        return self.peer.received

    def assert_gone(self) -> None:
        self.assertFalse(hasattr(self.peer.pair.transport, "socket"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_upgrade(self) -> None:
        """An upgrade is answered before what the engine has to say, and messages are heard."""
        answer = self.exchange(UPGRADE)
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "))
        self.assertTrue(answer.endswith(b"\r\n\r\n" + HELLO))
        self.assertIsInstance(self.peer.tls.protocol, WebSocketProtocol)
        self.assertIsInstance(self.engine.sink._wire, TlsWire)
        self.exchange(masked(1, b"text"))
        self.assertEqual(self.engine.take()[1:], [("hear", b"text", False)])

    def test_upgrade_after_rest(self) -> None:
        """The switch works later in a connection's life, and in the middle of one read."""
        self.assertTrue(self.exchange(USAGE).startswith(b"HTTP/1.1 200 "))
        self.assertIsInstance(self.peer.tls.protocol, RestChannel)
        answer = self.exchange(USAGE + UPGRADE + masked(1, b"early"))
        self.assertLess(answer.index(b"HTTP/1.1 200 "), answer.index(b"HTTP/1.1 101 "))
        self.assertIsInstance(self.peer.tls.protocol, WebSocketProtocol)
        self.assertEqual(self.engine.take()[-1], ("hear", b"early", False))
        self.assertIsNone(self.peer.pair.transport.producer)

    def test_event_while_ending(self) -> None:
        """An event that comes between the goodbye of TLS and the end of the connection does not keep it open."""
        self.exchange(UPGRADE)
        sink = self.engine.sink
        self.peer.tls.loseConnection()
        sink.push(text_frame(b"late"))
        self.clock.advance(0)
        self.assertFalse(sink.blocked)
        self.exchange()
        self.assert_gone()

    def test_closing_handshake(self) -> None:
        """A Close frame from either side is answered, and TLS ends with a goodbye."""
        self.exchange(UPGRADE)
        self.assertEqual(self.exchange(masked(8, b"\x03\xe8")), b"\x88\x02\x03\xe8")
        self.assertTrue(self.peer.said_goodbye)
        self.assertEqual(self.engine.take()[-1], ("disconnected",))
        self.assert_gone()

    def test_closed_by_us(self) -> None:
        """Whoever does not answer our Close frame is gone after the time for it."""
        self.exchange(UPGRADE)
        self.engine.sink.close(4200, "bye")
        self.assertIn(b"\x10\x68bye", self.exchange())
        self.clock.advance(5)
        self.peer.pair.step()
        self.assertEqual(self.engine.take()[-1], ("disconnected",))
        self.assert_gone()

    def test_deaf(self) -> None:
        """A client that stops reading is given up after as many messages as on a plain connection, and is gone soon."""
        self.exchange(UPGRADE)
        sink = self.engine.sink
        for _ in range(12):
            sink.push(b"x" * 100_000)
            self.clock.advance(0)
        self.assertEqual(self.port.websockets.slow.disconnected, 1)
        self.assertIn(("closing",), self.engine.calls)
        for _ in range(20):
            self.clock.advance(1)
            self.peer.pair.step()
        self.assertEqual(self.engine.take()[-1], ("disconnected",))
        self.assert_gone()

    def test_refusal_arrives(self) -> None:
        """A refusal in the middle of a body is read by the client: we say goodbye, and drop the rest for a while."""
        head = b"POST /apps/a/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
        answer = self.exchange(head + b"x" * 1000)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        self.assertTrue(self.peer.said_goodbye)
        self.assertTrue(self.peer.pair.transport.connected)
        self.exchange(b"x" * 100_000)
        self.clock.advance(LINGER)
        self.peer.pair.step()
        self.assert_gone()

    def test_idle(self) -> None:
        """A client that has shaken hands and says nothing has HTTP's idle timeout, and no more."""
        self.clock.advance(59)
        self.assertTrue(self.peer.pair.transport.connected)
        self.clock.advance(1)
        self.peer.settle()
        self.assertTrue(self.peer.said_goodbye)
        self.assert_gone()

    def test_half_a_head(self) -> None:
        """A client that stays in the middle of its upgrade is told when the time for it is over, and gone."""
        self.peer.say(UPGRADE[:50])
        self.clock.advance(10)
        self.assertIn(b" 408 ", self.exchange(b""))
        self.clock.advance(LINGER)
        self.peer.pair.step()
        self.assert_gone()

    def test_pending_handshakes(self) -> None:
        """Who has not shaken hands waits in one queue with those who have not asked yet, and gives way to newcomers."""
        settings = RestSettings(listener=ListenerSettings(max_pending=2))
        self.port.site.adjust(settings)
        secure = TlsFactory(self.port, context(), self.clock, pending=self.port.pending)
        peers = [TlsPeer(clock=self.clock, server=secure) for _ in range(3)]
        for peer in peers:
            self.addCleanup(peer.close)
        self.clock.advance(0)
        gone = [not hasattr(peer.pair.transport, "socket") for peer in (self.peer, *peers)]
        self.assertEqual(gone, [True, True, False, False])
        peers[2].shake_hands()
        self.assertEqual((len(self.port.pending), self.port.pending.dropped), (2, 2))
        self.clock.advance(10)
        self.assertEqual((len(self.port.pending), secure.failed), (1, 1))

    def test_first_handshake(self) -> None:
        """The queue is that of the port while nobody waits in it yet, too."""
        self.peer.close()
        self.clock.advance(0)
        self.assertEqual(len(self.port.pending), 0)
        secure = TlsFactory(self.port, context(), self.clock, pending=self.port.pending)
        self.addCleanup(TlsPeer(clock=self.clock, server=secure).close)
        self.assertEqual(len(self.port.pending), 1)

    def test_too_many(self) -> None:
        """An engine that refuses the connection closes it with its code."""
        self.engine.on_connect = lambda sink: sink.close(errors.over_quota().code, "full")
        answer = self.exchange(UPGRADE)
        self.assertIn(b"full", answer)
