"""The outbox against a real kernel: order, early flushes, and wires that are no sockets."""

from __future__ import annotations

import gc
import sys

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from sockudo_tx.transports.outbox import Outbox
from sockudo_tx.transports.turn import CHUNK
from sockudo_tx.transports.wire import SocketWire, TransportWire, wire_for

from .kernel import Pair
from .outbox_case import Box, OutboxCase


class SendingTests(OutboxCase):
    """A peer that reads."""

    def test_end_of_turn(self) -> None:
        """Frames wait for the end of the turn, and leave in one send."""
        self.pair.count_sends()
        box = self.box()
        for frame in (b"a", b"bc", b"def"):
            box.push(frame)
        self.assertEqual(self.pair.read(), b"")
        self.end_turn()
        self.assertEqual((self.pair.read(), self.pair.sends), (b"abcdef", [6]))

    def test_order(self) -> None:
        """Ordinary, control and last frames leave in the order they were pushed."""
        box = self.box()
        box.push(b"1")
        box.push_control(b"2")
        box.push(b"3")
        box.push_last(b"4")
        self.assertEqual(self.pair.read(), b"1234")

    def test_nothing_registered(self) -> None:
        """While the peer reads, the transport knows no producer and is not watched for writing."""
        box = self.box()
        box.push(b"x")
        self.end_turn()
        self.assertIsNone(self.pair.transport.producer)
        self.assertEqual(self.pair.reactor.writers, set())

    def test_early(self) -> None:
        """More than 64 KiB in one turn does not wait for its end, and the rest of the turn still leaves."""
        box = self.box()
        self.pair.far.setsockopt(1, 8, 1 << 20)
        box.push(b"x" * CHUNK)
        self.assertEqual(self.pair.read(), b"")
        box.push(b"y")
        self.assertNotEqual(self.pair.read_all(), b"")
        box.push(b"z")
        self.end_turn()
        self.assertEqual(self.pair.read_all()[-1:], b"z")

    def test_after_the_last(self) -> None:
        """Nothing is sent after the last frame."""
        box = self.box()
        box.push_last(b"last")
        box.push(b"late")
        box.push_control(b"late")
        box.push_last(b"late")
        self.end_turn()
        self.assertEqual(self.pair.read_all(), b"last")

    def test_lose(self) -> None:
        """Losing the connection sends what is queued first, and takes nothing more, not even where nothing was."""
        for queued in (b"1", b""):
            self.pair = Pair()
            self.addCleanup(self.pair.close)
            box = self.box()
            if queued:
                box.push(queued)
            self.assertTrue(box.lose())
            box.push(b"2")
            self.end_turn()
            self.pair.step()
            self.assertEqual(self.pair.read(), queued)
            self.assertFalse(hasattr(self.pair.transport, "socket"))

    def test_gone(self) -> None:
        """Once the connection is gone, pushing is harmless, sends nothing and keeps nothing."""
        self.pair.count_sends()
        box = self.box()
        box.push(b"1")
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.end_turn()
        box.stopProducing()
        self.pair.sends.clear()
        for push in (box.push, box.push_control, box.push_last):
            push(b"2")
        self.end_turn()
        self.assertEqual(self.pair.sends, [])
        self.assertEqual((box._first, box._frames), (b"", []))

    def test_broken_pipe(self) -> None:
        """A connection that breaks while sending is left to the transport, which notices."""
        lost: list[Failure] = []
        self.pair.transport.protocol.connectionLost = lost.append  # type: ignore[method-assign,assignment]
        box = self.box()
        self.pair.far.close()
        box.push(b"1")
        self.end_turn()
        self.pair.step()
        self.assertEqual(len(lost), 1)
        box.push(b"2")
        self.assertEqual((box._frames, self.scheduled), ([], []))

    def test_memory(self) -> None:
        """An idle outbox keeps no frame alive, and has no dictionary."""
        box = self.box()
        frame = b"x" * 1000
        before = sys.getrefcount(frame)
        box.push(frame)
        self.end_turn()
        self.assertEqual(sys.getrefcount(frame), before)
        self.assertFalse(hasattr(Outbox(wire_for(StringTransport()), self.turn, self.slow), "__dict__"))

    def test_no_garbage_per_push(self) -> None:
        """Pushing and flushing leaves no object behind."""
        box = self.box()
        gc.collect()
        box.push(b"x")
        self.end_turn()
        before = len(gc.get_objects())
        for _ in range(100):
            box.push(b"x")
            self.end_turn()
        self.assertLess(len(gc.get_objects()) - before, 20)


class BacklogTests(OutboxCase):
    """A connection that was used before us."""

    def test_waits_for_the_backlog(self) -> None:
        """Bytes the transport still holds leave before ours."""
        self.pair.transport.write(b"HTTP answer ")
        box = self.box()
        box.push_control(b"101 ")
        box.push(b"established")
        self.end_turn()
        self.assertEqual(self.pair.read(), b"")
        self.assertEqual(self.pair.read_all(), b"HTTP answer 101 established")

    def test_quick_afterwards(self) -> None:
        """When the backlog is gone, frames are sent directly and the transport knows no producer."""
        self.pair.transport.write(b"HTTP answer ")
        box = self.box()
        box.push(b"1")
        self.pair.read_all()
        self.assertIsNone(self.pair.transport.producer)
        box.push(b"2")
        self.end_turn()
        self.assertEqual(self.pair.read(), b"2")

    def test_backlog_without_pushes(self) -> None:
        """A backlog that drains with nothing behind it leaves the outbox idle."""
        self.pair.transport.write(b"HTTP answer ")
        box = self.box()
        self.assertTrue(box.blocked)
        self.assertEqual(self.pair.read_all(), b"HTTP answer ")
        self.assertFalse(box.blocked)
        self.assertIsNone(self.pair.transport.producer)

    def test_kernel_full_of_backlog(self) -> None:
        """A backlog longer than the kernel takes at once keeps its place, too."""
        backlog = b"h" * 300_000
        self.pair.transport.write(backlog)
        self.pair.step()
        box = self.box()
        self.assertTrue(box.blocked)
        box.push(b"frame")
        self.assertEqual(self.pair.read_all(), backlog + b"frame")


class PushWireTests(OutboxCase):
    """Transports that are not plain sockets: they say when they have enough."""

    def setUp(self) -> None:
        super().setUp()
        self.transport = StringTransport()
        self.slow = self.limits(max_messages=10)
        self.box_ = Box(TransportWire(self.transport), self.turn, self.slow)

    def test_choice(self) -> None:
        """A plain TCP connection is written to directly, anything else through its transport."""
        self.assertIsInstance(wire_for(self.pair.transport), SocketWire)
        self.assertIsInstance(wire_for(StringTransport()), TransportWire)
        self.pair.transport.TLS = True
        self.assertIsInstance(wire_for(self.pair.transport), TransportWire)

    def test_end_of_turn(self) -> None:
        """Frames leave at the end of the turn."""
        self.box_.push(b"1")
        self.box_.push(b"2")
        self.assertEqual(self.transport.value(), b"")
        self.end_turn()
        self.assertEqual(self.transport.value(), b"12")

    def test_paused(self) -> None:
        """While it has enough, frames queue within the limits; pausing twice changes nothing."""
        self.box_.push(b"0")
        self.box_.pauseProducing()
        self.box_.pauseProducing()
        for _ in range(20):
            self.box_.push(b"x")
        self.end_turn()
        self.assertEqual((self.transport.value(), self.slow.dropped), (b"", 11))
        self.box_.resumeProducing()
        self.assertEqual(self.transport.value(), b"0" + b"x" * 9)
        self.box_.push(b"y")
        self.end_turn()
        self.assertEqual(self.transport.value(), b"0" + b"x" * 9 + b"y")

    def test_paused_by_a_write(self) -> None:
        """A transport that pauses us from within `write` gets no more until it resumes us."""
        real = self.transport.write

        def write(data: bytes) -> None:
            real(data)
            self.box_.pauseProducing()

        self.transport.write = write  # type: ignore[method-assign]
        self.box_.push(b"1")
        self.end_turn()
        self.assertTrue(self.box_.blocked)
        for size in (40_000, 40_000, 5):
            self.box_.push(b"x" * size)
        sizes: list[int] = []
        while self.box_.blocked and len(sizes) < 10:
            self.box_.resumeProducing()
            sizes.append(len(self.transport.value()))
        self.assertEqual(sizes[:3], [40_001, 80_006, 80_006])

    def test_lose(self) -> None:
        """The producer is taken away before the connection is closed, or it would never end."""
        self.box_.push(b"1")
        self.assertTrue(self.box_.lose())
        self.assertEqual((self.transport.value(), self.transport.producer), (b"1", None))
        self.assertTrue(self.transport.disconnecting)

    def test_lose_while_paused(self) -> None:
        """With a queue the connection is closed once that is written."""
        self.box_.pauseProducing()
        self.box_.push(b"1")
        self.assertFalse(self.box_.lose())
        self.assertFalse(self.transport.disconnecting)
        self.box_.resumeProducing()
        self.assertEqual(self.transport.value(), b"1")
        self.assertTrue(self.transport.disconnecting)


class AnyOrderTests(OutboxCase):
    """Whatever happens in whatever order."""

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("push"), st.integers(1, 30_000)),
                st.tuples(st.just("turn"), st.just(0)),
                st.tuples(st.just("read"), st.integers(1, 50_000)),
                st.tuples(st.just("step"), st.just(0)),
            ),
            max_size=60,
        )
    )
    def test_fifo(self, actions: list[tuple[str, int]]) -> None:
        """The peer receives exactly what was pushed, in that order."""
        pair = Pair()
        box = Box(wire_for(pair.transport), self.turn, self.limits())
        expected = received = b""
        for number, (action, size) in enumerate(actions):
            if action == "push":
                frame = bytes((number % 251,)) * size
                expected += frame
                box.push(frame)
            elif action == "turn":
                self.end_turn()
            elif action == "step":
                pair.step()
            else:
                try:
                    received += pair.far.recv(size)
                except BlockingIOError:
                    pass
        self.end_turn()
        received += pair.read_all()
        pair.close()
        self.assertEqual(received, expected)
