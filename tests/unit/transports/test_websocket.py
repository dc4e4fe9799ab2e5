"""One WebSocket between a real kernel and an engine that writes down what it is told."""

from __future__ import annotations

import gc
import struct
import weakref
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import CLIENT, Connection
from wsproto.events import CloseConnection, Ping, Pong, TextMessage
from zope.interface.verify import verifyObject

from sockudo_tx.interfaces import ISink
from sockudo_tx.protocol.errors import slow_consumer
from sockudo_tx.protocol.messages import error as error_text
from sockudo_tx.testing import masked
from sockudo_tx.transports.framing import PlainFraming, text_frame
from sockudo_tx.transports.handshake import Upgrade
from sockudo_tx.transports.settings import WebSocketSettings
from sockudo_tx.transports.sink import PING_PAYLOAD, StreamSink, WebSocketSink
from sockudo_tx.transports.turn import Turn
from sockudo_tx.transports.websocket import WebSocketFactory, WebSocketProtocol

from .kernel import Pair
from .recorder import Recorder

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
UPGRADE = Upgrade("key", "https://a.com", b"dGhlIHNhbXBsZSBub25jZQ==", None, "")


def close_frame(code: int | None = None, reason: bytes = b"") -> bytes:
    """A client's Close frame."""
    return masked(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class WebSocketCase(SynchronousTestCase):
    """A connection over a socket pair; `step` is one pass of its reactor, turn included."""

    def setUp(self) -> None:
        self.engine = Recorder()
        self.open()

    def open(self, upgrade: Upgrade = UPGRADE, rest: bytes = b"", **settings: Any) -> None:
        """A new connection that has just been upgraded."""
        self.pair = Pair()
        self.addCleanup(self.pair.close)
        self.clock = self.pair.reactor
        self.turn = Turn(lambda flush: self.clock.callLater(0, flush))
        factory = WebSocketFactory(self.engine, WebSocketSettings(**settings), self.clock, self.turn)  # type: ignore[arg-type]  # a stand-in
        self.factory = factory
        self.protocol = factory.protocol(factory)
        self.pair.transport.protocol = self.protocol
        self.client = Connection(CLIENT)
        self.head = b""
        self.lost = False
        self.protocol.open(self.pair.transport, upgrade, rest)

    @property
    def sink(self) -> Any:
        return self.engine.sink

    def send(self, data: bytes) -> None:
        """The client sends; the server reads at once, if it still reads."""
        if hasattr(self.pair.transport, "socket"):
            self.protocol.dataReceived(data)

    def received(self) -> list[Any]:
        """What the client heard since the last call: texts, ("ping", payload), ("close", code, reason), "end"."""
        self.pair.step()
        data = self.pair.read_all()
        if not self.head:
            self.head, _, data = data.partition(b"\r\n\r\n")
        self.client.receive_data(data)
        found: list[Any] = []
        for event in self.client.events():
            if isinstance(event, TextMessage):
                found.append(event.data)
            elif isinstance(event, CloseConnection):
                found.append(("close", event.code, event.reason or ""))
            elif isinstance(event, Ping | Pong):
                found.append((type(event).__name__.lower(), bytes(event.payload)))
        if not hasattr(self.pair.transport, "socket") and not self.lost:
            self.lost = True
            found.append("end")
        return found

    def fill(self) -> None:
        """Send so much that the client, which does not read, blocks the connection."""
        self.sink.push(text_frame(b"0" * 300_000))
        self.pair.step()
        self.assertTrue(self.sink.blocked)


class OpeningTests(WebSocketCase):
    """From the upgrade to the first message"""

    def test_engine_is_told(self) -> None:
        """The engine gets the app key, the origin and a sink."""
        self.assertEqual(self.engine.take(), [("connect", "key", "https://a.com")])
        verifyObject(ISink, self.sink)

    def test_one_send(self) -> None:
        """The 101 and the first message leave in one send, in this order."""
        self.engine.on_connect = lambda sink: sink.push_control(text_frame(b"established"))
        self.open()
        self.pair.count_sends()
        self.sink.send = self.pair.transport.socket.send
        self.assertEqual(self.received(), ["established"])
        self.assertTrue(self.head.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(len(self.pair.sends), 1)

    def test_refused(self) -> None:
        """A connection the engine refuses hears the 101, the error and the Close frame."""

        def refuse(sink: Any) -> None:
            sink.push_control(text_frame(b"error"))
            sink.close(4001, "Application does not exist")

        self.engine.on_connect = refuse
        self.open(rest=masked(TEXT, b"too late"))
        self.assertEqual(self.received(), ["error", ("close", 4001, "Application does not exist")])
        self.assertNotIn("hear", [call[0] for call in self.engine.take()])

    def test_rest(self) -> None:
        """What the client sent behind its upgrade request is heard, after the engine knows of the connection."""
        self.engine.take()
        self.open(rest=masked(TEXT, b"early") + masked(TEXT, b"bird"))
        self.assertEqual(
            self.engine.take(),
            [("connect", "key", "https://a.com"), ("hear", b"early", False), ("hear", b"bird", False)],
        )

    def test_lost_while_connecting(self) -> None:
        """A connection that is gone before `connect` returns is reported gone all the same."""
        self.engine.take()
        self.engine.on_connect = lambda sink: self.protocol.connectionLost(Failure(ConnectionLost()))
        protocol = self.protocol = self.factory.protocol(self.factory)
        protocol.open(StringTransport(), UPGRADE, masked(TEXT, b"x"))
        self.assertEqual([call[0] for call in self.engine.take()], ["connect", "disconnected"])

    def test_P14_subprotocol(self) -> None:
        """The chosen sub-protocol is echoed; without one the header is absent."""
        self.received()
        self.assertNotIn(b"Sec-WebSocket-Protocol", self.head)
        self.open(UPGRADE._replace(subprotocol=b"foo"))
        self.received()
        self.assertIn(b"\r\nSec-WebSocket-Protocol: foo", self.head)

    def test_P16_no_compression(self) -> None:
        """permessage-deflate is not negotiated while compression is disabled, whatever the client offers."""
        for word in ("disabled", "nonsense"):
            self.open(UPGRADE._replace(extensions="permessage-deflate"), compression=word)
            self.received()
            self.assertNotIn(b"Extensions", self.head)
            self.assertIsInstance(self.sink.framing, PlainFraming)


class HearingTests(WebSocketCase):
    """Inbound frames"""

    def setUp(self) -> None:
        super().setUp()
        self.received()
        self.engine.take()

    def test_messages(self) -> None:
        """Text and binary messages are told apart; an empty one is a message."""
        for opcode, payload in ((TEXT, b"a"), (BINARY, b"\xff"), (TEXT, b"")):
            self.send(masked(opcode, payload))
        self.assertEqual(self.engine.take(), [("hear", b"a", False), ("hear", b"\xff", True), ("hear", b"", False)])

    def test_P49_fragments(self) -> None:
        """A fragmented message is heard once and whole, control frames in between at once."""
        self.send(masked(TEXT, b"one ", fin=False))
        self.send(masked(PING, b"p"))
        self.send(masked(CONTINUATION, b"two ", fin=False))
        self.send(masked(CONTINUATION, b"three"))
        self.assertEqual(self.engine.take(), [("alive",), ("hear", b"one two three", False)])
        self.assertEqual(self.received(), [("pong", b"p")])

    def test_byte_by_byte(self) -> None:
        """It does not matter how the bytes arrive."""
        for byte in masked(TEXT, b"x" * 200, fin=False) + masked(PING, b"") + masked(CONTINUATION, b"y" * 70_000):
            self.send(bytes((byte,)))
        self.assertEqual(self.engine.take(), [("alive",), ("hear", b"x" * 200 + b"y" * 70_000, False)])

    def test_alive(self) -> None:
        """A native Ping is answered with its payload and counts as activity; so does a Pong nobody asked for."""
        self.send(masked(PING, b"x" * 125))
        self.send(masked(PONG, b""))
        self.assertEqual(self.engine.take(), [("alive",), ("alive",)])
        self.assertEqual(self.received(), [("pong", b"x" * 125)])

    def test_empty_fragments(self) -> None:
        """A message of endless empty fragments costs no memory."""
        self.send(masked(TEXT, b"x", fin=False))
        for _ in range(1000):
            self.send(masked(CONTINUATION, b"", fin=False))
        self.assertEqual(self.protocol._message, b"x")

    def test_P47_too_big(self) -> None:
        """A message beyond the limit is 1009 as soon as a frame announces it; its bytes are not kept."""
        self.open(max_message_size=1000)
        self.received()
        self.engine.take()
        self.send(masked(TEXT, b"x" * 600, fin=False))
        self.send(masked(CONTINUATION, b"y" * 401)[:20])
        self.assertEqual(self.received(), [("close", 1009, "The message is too big")])
        self.send(masked(CONTINUATION, b"y" * 401)[20:])
        self.assertEqual((self.engine.take(), self.protocol._message), ([("closing",)], b""))

    def test_frame_too_big(self) -> None:
        """So is a single frame beyond its own limit; exactly the limit is fine."""
        self.open(max_frame_size=1000)
        self.send(masked(TEXT, b"x" * 1000))
        self.assertEqual(self.received(), [])
        self.send(masked(TEXT, b"x" * 1001))
        self.assertEqual(self.received(), [("close", 1009, "The frame is too big")])

    def test_first_fault_only(self) -> None:
        """A peer that goes on misbehaving is told of its first fault only, and may still answer the Close frame."""
        self.send(masked(TEXT, b"\xff") + masked(0x3, b"") + masked(TEXT, b"\xff\xff"))
        self.assertEqual([event[:2] for event in self.received()], [("close", 1007)])
        self.send(close_frame(1007))
        self.assertEqual(self.received(), ["end"])

    def test_after_our_close(self) -> None:
        """Nothing that arrives after our Close frame is heard."""
        self.sink.close(4200, "Server shutting down")
        for frame in (masked(TEXT, b"late"), masked(PING, b""), masked(PONG, b"")):
            self.send(frame)
        self.assertEqual(self.engine.take(), [])
        self.assertEqual(self.received(), [("close", 4200, "Server shutting down")])

    def test_closed_by_what_it_heard(self) -> None:
        """When a message ends the connection, those behind it in the same packet are not heard."""
        self.engine.on_hear = lambda sink, payload: sink.close(4003, "Application disabled")
        self.send(masked(TEXT, b"1") + masked(TEXT, b"2"))
        self.assertEqual(self.engine.take(), [("hear", b"1", False)])


class SendingTests(WebSocketCase):
    """What the engine sends"""

    def test_order(self) -> None:
        """Events, replies, Pongs and the Close frame leave in the order they came about."""
        self.sink.push(text_frame(b"1"))
        self.send(masked(PING, b"2"))
        self.sink.push_control(text_frame(b"3"))
        self.sink.close(4201, "Pong reply not received in time")
        self.sink.push(text_frame(b"late"))
        self.assertEqual(
            self.received(), ["1", ("pong", b"2"), "3", ("close", 4201, "Pong reply not received in time")]
        )

    def test_ping(self) -> None:
        """`ping` sends a native Ping, whose answer is told apart from other Pongs."""
        self.sink.ping()
        self.assertEqual(self.received(), [("ping", PING_PAYLOAD)])
        self.send(masked(PONG, PING_PAYLOAD))
        self.assertEqual(self.engine.take()[-1:], [("answered",)])

    def test_ping_to_the_deaf(self) -> None:
        """A peer that does not read gets no Pings on top."""
        self.fill()
        self.sink.ping()
        self.assertEqual(self.received(), ["0" * 300_000])

    def test_shared_frame(self) -> None:
        """All connections of a factory without compression share one framing."""
        first = self.sink
        self.factory.protocol(self.factory).open(StringTransport(), UPGRADE, b"")
        self.assertIsNot(first, self.sink)
        self.assertIs(first.framing, self.sink.framing)


class ClosingTests(WebSocketCase):
    """The end, from either side"""

    def setUp(self) -> None:
        super().setUp()
        self.received()
        self.engine.take()

    def test_handshake(self) -> None:
        """We close, the peer answers, the connection ends without a reset and leaves no timer."""
        self.sink.close(4009, "You got disconnected by the app.")
        self.assertEqual(self.received(), [("close", 4009, "You got disconnected by the app.")])
        self.assertEqual(self.engine.take(), [])
        self.send(close_frame(4009))
        self.assertEqual(self.received(), ["end"])
        self.assertEqual(self.pair.far.recv(10), b"")
        self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("disconnected",)], []))

    def test_long_reason(self) -> None:
        """A reason is cut to 123 bytes, never within a character."""
        self.sink.close(4100, "é" * 100)
        self.assertEqual(self.received(), [("close", 4100, "é" * 61)])

    def test_twice(self) -> None:
        """A second close is ignored."""
        self.sink.close(4200, "first")
        self.sink.close(4009, "second")
        self.assertEqual(self.received(), [("close", 4200, "first")])

    def test_no_answer(self) -> None:
        """A peer that does not answer our Close frame is dropped after close_timeout."""
        self.sink.close(4200, "bye")
        self.received()
        self.clock.advance(4.9)
        self.assertEqual(self.received(), [])
        self.clock.advance(0.2)
        self.assertEqual(self.received(), ["end"])
        self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("disconnected",)], []))

    def test_P144_client_closes(self) -> None:
        """A client's Close is answered with its code and reason, and then the connection ends."""
        for code, reason in ((1000, b""), (1001, b"going"), (4999, "é".encode() * 61), (None, b"")):
            self.open()
            self.received()
            self.engine.take()
            self.send(close_frame(code, reason))
            self.assertEqual(self.received(), [("close", code or 1005, reason.decode()), "end"])
            self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("disconnected",)], []))

    def test_crossing(self) -> None:
        """When both close at once, the peer still receives our reason."""
        self.sink.close(4200, "bye")
        self.send(close_frame(1000))
        self.assertEqual(self.received(), [("close", 4200, "bye"), "end"])

    def test_client_closes_without_reading(self) -> None:
        """A client that closes but reads nothing is waited for close_timeout, and no longer."""
        self.fill()
        self.send(close_frame(1000))
        self.pair.step()
        self.clock.advance(4.9)
        self.assertEqual(self.engine.take(), [("closing",)])
        self.clock.advance(0.2)
        self.pair.step()
        self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("disconnected",)], []))

    def test_client_closes_and_reads(self) -> None:
        """A client that closes and then reads gets all that was queued, and our answer."""
        self.fill()
        self.sink.push(text_frame(b"event"))
        self.send(close_frame(1000))
        self.assertEqual(self.received(), ["0" * 300_000, "event", ("close", 1000, ""), "end"])
        self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("closing",), ("disconnected",)], []))

    def test_vanished(self) -> None:
        """A connection lost at any moment is reported once, and later calls of the engine are harmless."""
        self.sink.push(text_frame(b"x"))
        self.sink.close(4200, "bye")
        sink = self.sink
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        for _ in range(2):
            sink.push(b"x")
            sink.push_control(b"x")
            sink.ping()
            sink.close(4200, "again")
            sink.abort()
        self.clock.advance(100)
        self.assertEqual(self.engine.take(), [("disconnected",)])

    def test_abort(self) -> None:
        """`abort` ends the connection without ceremony, also one that is closing."""
        for prepare in (lambda: None, lambda: self.sink.close(4200, "bye"), self.fill):
            self.open()
            self.received()
            self.engine.take()
            prepare()
            self.sink.abort()
            self.sink.push(b"late")
            self.pair.step()
            self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("disconnected",)], []))


class SlowTests(WebSocketCase):
    """A client that does not read"""

    def test_P141_disconnected(self) -> None:
        """It is told why, with 4100, leaves its channels, and is aborted when it does not read for five seconds."""
        self.open(max_messages=10, disconnect_on_buffer_full=True)
        self.fill()
        self.engine.take()
        for _ in range(11):
            self.sink.push(text_frame(b"event"))
        self.assertEqual(self.engine.take(), [])  # in the middle of a broadcast
        self.pair.step()
        self.clock.advance(0)
        self.assertEqual(self.engine.take(), [("closing",)])
        self.clock.advance(5.1)
        self.pair.step()
        self.assertEqual((self.engine.take(), self.clock.getDelayedCalls()), ([("disconnected",)], []))

    def test_P141_readable(self) -> None:
        """If it reads again in time it finds the error and the Close frame, and nothing of what was queued."""
        self.open(max_messages=10, disconnect_on_buffer_full=True)
        self.fill()
        for _ in range(11):
            self.sink.push(text_frame(b"event"))
        fault = slow_consumer("message limit: 10")
        self.assertEqual(self.received(), ["0" * 300_000, error_text(fault), ("close", 4100, fault.text)])

    def test_P142_kept(self) -> None:
        """Without disconnect_on_buffer_full it misses events, and receives again once it reads."""
        self.open(max_messages=10)
        self.fill()
        for number in range(20):
            self.sink.push(text_frame(b"%d" % number))
        self.assertEqual(self.received(), ["0" * 300_000, *map(str, range(10))])
        self.sink.push(text_frame(b"again"))
        self.assertEqual(self.received(), ["again"])
        self.assertEqual(self.factory.slow.dropped, 10)

    def test_misses_are_told(self) -> None:
        """An engine that has asked for it hears of each event that is dropped, and of nothing else."""
        self.open(max_messages=10)
        self.sink.tells_missed = True
        self.miss_three()
        self.assertEqual(self.engine.misses, 3)

    def test_misses_that_nobody_asked_for(self) -> None:
        """They cost no call: nothing builds upon what was dropped."""
        self.open(max_messages=10)
        self.miss_three()
        self.assertEqual((self.engine.misses, self.factory.slow.dropped), (0, 3))

    def test_misses_of_a_stream_are_told(self) -> None:
        """The same of a client for whom every message is compressed by itself."""
        self.open(UPGRADE._replace(extensions="permessage-deflate"), max_messages=10, compression="dedicated")
        self.assertIsInstance(self.sink, StreamSink)
        self.sink.tells_missed = True
        self.miss_three()
        self.assertEqual(self.engine.misses, 3)

    def miss_three(self) -> None:
        self.sink.push_bytes(bytes(3_000_000))
        self.pair.step()
        self.assertTrue(self.sink.blocked)
        room = 10 - self.sink.waiting[0]
        for _ in range(room + 3):
            self.sink.push(self.sink.framing.frame(b"event"))
        self.sink.push_control(self.sink.framing.frame(b"reply"))

    def test_ping_flood(self) -> None:
        """A client that sends Pings and never reads the Pongs is given up, not remembered."""
        self.open(max_messages=10)
        self.fill()
        for _ in range(100):
            self.send(masked(PING, b"x" * 125))
        self.assertEqual(self.factory.slow.disconnected, 1)
        self.assertLess(len(self.sink._frames), 10)


class MemoryTests(WebSocketCase):
    """What a connection costs"""

    def test_freed_at_once(self) -> None:
        """A lost connection is free without waiting for the garbage collector."""
        self.received()
        self.send(masked(TEXT, b"x"))
        self.engine.sinks.clear()
        self.engine.calls.clear()
        protocol = weakref.ref(self.protocol)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.protocol = None  # type: ignore[assignment]  # the last name for it
        self.assertIsNone(protocol())

    def test_no_dictionary(self) -> None:
        """Sinks have slots only."""
        for sink in (WebSocketSink, StreamSink):
            self.assertFalse(hasattr(sink.__new__(sink), "__dict__"))

    def test_little_per_connection(self) -> None:
        """An open connection has few attributes of its own: options and beginnings belong to the class."""
        self.assertLess(len(self.protocol.__dict__), 16)


class AutobahnTests(SynchronousTestCase):
    """What we rely on in Autobahn"""

    def test_nothing_forgotten(self) -> None:
        """Every attribute Autobahn gives a new connection exists on ours, or is of a part we do not use."""
        unused = {
            "is_open", "is_closed", "_transport_details", "_valid_events", "_parent", "peer",
            "send_state", "send_queue", "triggered", "trackTimings",
            "openHandshakeTimeout", "openHandshakeTimeoutCall", "tcpNoDelay", "versions", "webStatus",
            "perMessageCompressionAccept", "serveFlashSocketPolicy", "flashSocketPolicy", "allowedOrigins",
            "allowedOriginsPatterns", "allowNullOrigin", "maxConnections", "trustXForwardedFor",
            "autoPingInterval", "autoPingTimeout", "autoPingSize", "autoPingPendingCall", "autoPingPendingSeq",
            "autoPingPendingSent", "wasNotCleanReason", "wasServerConnectionDropTimeout", "wasOpenHandshakeTimeout",
            "wasCloseHandshakeTimeout", "wasServingFlashSocketPolicyFile", "droppedByMe",
            "localCloseCode", "localCloseReason", "remoteCloseCode", "remoteCloseReason",
        }  # fmt: skip
        pair = Pair()
        self.addCleanup(pair.close)
        theirs = WebSocketServerProtocol()
        theirs.factory = WebSocketServerFactory(reactor=pair.reactor)
        theirs.factory._batched_timer = pair.reactor
        pair.reactor.call_later = pair.reactor.callLater  # type: ignore[attr-defined]  # Autobahn's word
        theirs.makeConnection(StringTransport())
        engine = Recorder()
        turn = Turn(lambda flush: None)
        factory = WebSocketFactory(engine, WebSocketSettings(), pair.reactor, turn)  # type: ignore[arg-type]  # a stand-in
        ours = WebSocketProtocol(factory)
        ours.open(StringTransport(), UPGRADE, b"")
        missing = {name for name in vars(theirs) if not hasattr(ours, name)} - unused
        self.assertEqual(missing, set())
