"""Frames that a turn keeps once for many outboxes: everybody gets theirs, in the order of pushes, in one send."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.slowness import SlowConsumers
from sockudo_tx.transports.turn import CHUNK, Turn
from sockudo_tx.transports.wire import wire_for

from .kernel import Pair
from .outbox_case import Box

BOXES = 4
AUDIENCES = ((0, 1, 2, 3), (0, 1), (2, 3), (1, 2))
END = ("end", 0, 0)
STEPS = st.one_of(
    st.tuples(st.just("broadcast"), st.integers(0, len(AUDIENCES) - 1), st.sampled_from((3, 100, 9_000, 70_000))),
    st.tuples(st.just("push"), st.integers(0, BOXES - 1), st.sampled_from((1, 5_000))),
    st.tuples(st.just("control"), st.integers(0, BOXES - 1), st.just(4)),
    st.tuples(st.just("last"), st.integers(0, BOXES - 1), st.just(5)),
    st.just(END),
    st.tuples(st.just("read"), st.integers(0, BOXES - 1), st.just(0)),
)


class SharedCase(SynchronousTestCase):
    """A few outboxes over real sockets, and a turn that ends when a test says so."""

    def setUp(self) -> None:
        self.begin()

    def begin(self, max_messages: int = 1_000_000) -> None:
        self.scheduled: list[Callable[[], None]] = []
        self.turn = Turn(self.scheduled.append)
        self.slow = SlowConsumers(Clock(), max_messages=max_messages, max_bytes=None, disconnect=False)
        self.pairs = [Pair() for _ in range(BOXES)]
        for pair in self.pairs:
            self.addCleanup(pair.close)
        self.boxes: tuple[Any, ...] = tuple(Box(wire_for(pair.transport), self.turn, self.slow) for pair in self.pairs)

    def end_turn(self) -> None:
        scheduled, self.scheduled[:] = self.scheduled[:], []
        for call in scheduled:
            call()

    def read(self) -> list[bytes]:
        return [pair.read_all() for pair in self.pairs]


class SharedFramesTests(SharedCase):
    """`Turn.broadcast`"""

    def test_one_send_each(self) -> None:
        """All a turn has for one audience leaves in one send to each of its outboxes, at the turn's end."""
        self.begin_counting()
        for frame in (b"a", b"bc", b"def"):
            self.turn.broadcast(self.boxes, frame)
        self.assertEqual(len(self.scheduled), 1)
        self.assertEqual(self.read(), [b""] * BOXES)
        self.end_turn()
        self.assertEqual(self.read(), [b"abcdef"] * BOXES)
        self.assertEqual([pair.sends for pair in self.pairs], [[6]] * BOXES)

    def test_mixed_with_others(self) -> None:
        """One send each, too, when one outbox was pushed to in between, and when audiences take turns."""
        self.begin_counting()
        some = self.boxes[:2]
        self.turn.broadcast(self.boxes, b"1")
        self.boxes[0].push_control(b"2")
        self.turn.broadcast(self.boxes, b"3")
        self.turn.broadcast(some, b"4")
        self.turn.broadcast(self.boxes, b"5")
        self.end_turn()
        self.assertEqual(self.read(), [b"12345", b"1345", b"135", b"135"])
        self.assertEqual([pair.sends for pair in self.pairs], [[5], [4], [3], [3]])

    def test_late(self) -> None:
        """An answer leaves behind the frames it tells of, also when another audience has come since."""
        seen: list[list[bytes]] = []
        for boxes, frame in ((self.boxes[:2], b"1"), (self.boxes[2:], b"2")):
            self.turn.broadcast(boxes, frame)
            self.turn.add_late(SimpleNamespace(flush=lambda: seen.append([pair.read() for pair in self.pairs])))
        self.assertEqual(len(self.scheduled), 1)
        self.end_turn()
        self.assertEqual(seen[0], [b"1", b"1", b"2", b"2"])

    def test_last_frame(self) -> None:
        """A connection that closes is first sent what it was owed."""
        self.turn.broadcast(self.boxes, b"event ")
        self.boxes[1].push_last(b"close")
        self.assertEqual(self.pairs[1].read(), b"event close")
        self.turn.broadcast(self.boxes, b"late")
        self.end_turn()
        self.assertEqual(self.read(), [b"event late", b"", b"event late", b"event late"])

    def test_lost(self) -> None:
        """`lose` sends what the connection was owed; one that has gone is passed over."""
        self.turn.broadcast(self.boxes, b"1")
        self.assertTrue(self.boxes[0].lose())
        self.boxes[1].stopProducing()
        self.end_turn()
        self.assertEqual([pair.read() for pair in self.pairs], [b"1", b"", b"1", b"1"])

    def test_early(self) -> None:
        """More than 64 KiB for one audience does not wait for the end of the turn."""
        for pair in self.pairs:
            pair.far.setsockopt(1, 8, 1 << 20)
        self.turn.broadcast(self.boxes, b"x" * CHUNK)
        self.assertEqual([pair.read() for pair in self.pairs], [b""] * BOXES)
        self.turn.broadcast(self.boxes, b"y")
        self.assertEqual(self.turn.shared, [])
        self.assertEqual([data[-1:] for data in self.read()], [b"y"] * BOXES)
        self.turn.broadcast(self.boxes, b"z")
        self.end_turn()
        self.assertEqual(self.read(), [b"z"] * BOXES)

    def test_slow(self) -> None:
        """A blocked outbox counts each frame against its limits, however many the turn had; others get all."""
        self.begin(max_messages=2)
        self.boxes[0].push(b"0" * 200_000)
        self.end_turn()
        self.assertTrue(self.boxes[0].blocked)
        for number in range(5):
            self.turn.broadcast(self.boxes, b"%d" % number)
        self.end_turn()
        self.assertEqual(self.slow.dropped, 3)
        self.assertEqual(self.read()[1:], [b"01234"] * 3)

    def test_broken(self) -> None:
        """A connection that breaks while sending costs the others nothing."""
        self.pairs[1].far.close()
        self.turn.broadcast(self.boxes, b"1")
        self.end_turn()
        self.assertEqual([self.pairs[n].read() for n in (0, 2, 3)], [b"1"] * 3)

    def test_failure(self) -> None:
        """A bug in one send loses nothing for those behind it, and the turn goes on working."""

        def fail(data: bytes) -> int:
            raise ZeroDivisionError

        self.boxes[1].send = fail
        self.turn.broadcast(self.boxes, b"1")
        self.assertRaises(ZeroDivisionError, self.end_turn)
        self.end_turn()
        self.assertEqual([self.pairs[n].read() for n in (0, 2, 3)], [b"1"] * 3)
        self.turn.broadcast(self.boxes[2:], b"2")
        self.end_turn()
        self.assertEqual([self.pairs[n].read() for n in (2, 3)], [b"2"] * 2)

    def test_broadcast_while_flushing(self) -> None:
        """What is broadcast while outboxes are flushed does not stay behind, even if it is the last thing."""
        broadcast = self.turn.broadcast
        boxes = self.boxes

        class Late(Box):
            def flush(self) -> None:
                broadcast(boxes, b"late")

        Late(wire_for(self.pairs[0].transport), self.turn, self.slow).push(b"lost")
        self.end_turn()
        self.end_turn()
        self.assertEqual(self.read(), [b"late"] * BOXES)

    def test_keeps_nothing(self) -> None:
        """After the turn neither frames nor outboxes are held."""
        self.turn.broadcast(self.boxes, b"1")
        self.end_turn()
        self.assertEqual((self.turn.shared, self.turn.dirty, self.turn._audience), ([], [], ()))

    @given(st.sets(st.integers(0, BOXES - 1)), st.lists(STEPS, min_size=5, max_size=40))
    def test_any_order(self, slow: set[int], steps: list[tuple[str, int, int]]) -> None:
        """Whatever is mixed with broadcasts, each peer reads exactly what it was pushed, in order, once."""
        filling: list[tuple[str, int, int]] = [("push", index, 200_000) for index in slow]
        self.begin()
        audiences = [tuple(self.boxes[index] for index in members) for members in AUDIENCES]
        owed = [b""] * BOXES
        got = [b""] * BOXES
        sealed: set[int] = set()
        for number, (what, index, size) in enumerate([*filling, END, *steps]):
            frame = b"%03d" % number + b"." * size
            if what == "end":
                self.end_turn()
            elif what == "read":
                got[index] += self.pairs[index].read_all()
            elif what == "broadcast":
                self.turn.broadcast(audiences[index], frame)
                for member in set(AUDIENCES[index]) - sealed:
                    owed[member] += frame
            else:
                box = self.boxes[index]
                {"push": box.push, "control": box.push_control, "last": box.push_last}[what](frame)
                if index not in sealed:
                    owed[index] += frame
                if what == "last":
                    sealed.add(index)
        self.end_turn()
        for index, data in enumerate(self.read()):
            self.assertEqual(got[index] + data, owed[index])
        for pair in self.pairs:
            pair.close()

    def begin_counting(self) -> None:
        """Boxes whose sends are counted."""
        for pair in self.pairs:
            pair.count_sends()
            pair.sends.clear()
        self.boxes = tuple(Box(wire_for(pair.transport), self.turn, self.slow) for pair in self.pairs)
