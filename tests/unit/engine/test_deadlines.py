"""Deadlines: met in time, moved for free, and never a timer too many."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.deadlines import RESOLUTION, SLICE, Deadlines
from sockudo_tx.engine.tables import Socket
from sockudo_tx.protocol.liveness import Pulse

from .sinks import RecordingSink


def socket() -> Socket:
    return Socket(RecordingSink(), Pulse(0.0, None))


class CountingClock(Clock):
    """A clock that knows how often it was asked for a call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def callLater(self, delay: float, callable: Any, *args: object, **kwargs: object) -> Any:  # noqa: A002
        self.asked += 1
        return super().callLater(delay, callable, *args, **kwargs)


class DeadlineTests(SynchronousTestCase):
    """`Deadlines`"""

    def setUp(self) -> None:
        self.clock = CountingClock()
        self.met: list[tuple[float, Socket]] = []
        self.again: dict[Socket, float] = {}
        self.wheel = Deadlines(self.clock, self.due)

    def due(self, socket: Socket, now: float) -> float | None:
        self.met.append((now, socket))
        return self.again.pop(socket, None)

    def advance(self, seconds: float) -> None:
        end = self.clock.seconds() + seconds
        while calls := [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= end]:
            self.clock.advance(max(0.0, min(calls) - self.clock.seconds()))
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def assertEmpty(self) -> None:
        self.assertEqual((len(self.wheel), self.wheel._buckets, self.wheel._order), (0, {}, []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_met(self) -> None:
        """A deadline is met once, never early and hardly late; then nothing is left."""
        first, second = socket(), socket()
        self.wheel.set(first, 10.1)
        self.wheel.set(second, 5.0)
        self.advance(60)
        self.assertEqual(self.met, [(5.0, second), (10.25, first)])
        self.assertEmpty()

    def test_moved(self) -> None:
        """A new deadline takes the place of the old one, earlier or later."""
        for old, new in ((10.0, 5.0), (5.0, 10.0), (5.0, 5.01)):
            one = socket()
            start = self.clock.seconds()
            self.wheel.set(one, start + old)
            self.wheel.set(one, start + new)
            self.met.clear()
            self.advance(60)
            self.assertEqual(len(self.met), 1)
            self.assertTrue(0 <= self.met[0][0] - start - new <= RESOLUTION)
            self.assertEmpty()

    def test_asked_for_again(self) -> None:
        """`due` may ask for a later one, and for one that has passed already, which is met soon and not for ever."""
        one = socket()
        self.wheel.set(one, 1.0)
        self.again[one] = 7.0
        self.advance(6.9)
        self.assertEqual(len(self.met), 1)
        self.again[one] = 0.0
        self.advance(0.1)
        self.assertEqual(len(self.met), 2)
        self.advance(RESOLUTION)
        self.assertEqual(len(self.met), 3)
        self.assertEmpty()

    def test_cleared(self) -> None:
        """Who leaves is not met; clearing twice, or somebody unknown, is fine."""
        first, second = socket(), socket()
        self.wheel.set(first, 5.0)
        self.wheel.set(second, 5.0)
        for _ in range(2):
            self.wheel.clear(first)
        self.wheel.clear(socket())
        self.advance(60)
        self.assertEqual([met for _, met in self.met], [second])
        self.assertEmpty()

    def test_cleared_by_a_neighbour(self) -> None:
        """A deadline that takes others off the wheel, itself or everybody, does no harm."""
        crowd = [socket() for _ in range(5)]

        def due(one: Socket, now: float) -> float | None:
            self.met.append((now, one))
            for other in crowd:
                self.wheel.clear(other)
            return now + 10 if len(self.met) == 1 else None

        self.wheel = Deadlines(self.clock, due)
        for one in crowd:
            self.wheel.set(one, 1.0)
        self.advance(60)
        self.assertEqual([met for _, met in self.met], [crowd[0], crowd[0]])
        self.assertEmpty()

    def test_one_timer(self) -> None:
        """However many deadlines there are, there is one delayed call, and setting later ones costs none."""
        crowd = [socket() for _ in range(1000)]
        for number, one in enumerate(crowd):
            self.wheel.set(one, 100.0 + number)
        self.assertEqual((len(self.clock.getDelayedCalls()), self.clock.asked), (1, 1))
        for one in crowd:
            self.wheel.set(one, 2000.0)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.advance(3000)
        self.assertEqual({now for now, _ in self.met}, {2000.0})
        self.assertLess(self.clock.asked, 1010)
        self.assertEmpty()

    def test_slices(self) -> None:
        """A crowd with one deadline is met over several turns."""
        crowd = [socket() for _ in range(2 * SLICE + 1)]
        for one in crowd:
            self.wheel.set(one, 1.0)
        turns = []
        self.clock.rightNow = 1.0
        while self.clock.calls:
            before = len(self.met)
            call = self.clock.calls.pop(0)
            call.called = 1
            call.func(*call.args, **call.kw)
            turns.append(len(self.met) - before)
        self.assertEqual(turns, [SLICE, SLICE, 1])
        self.assertEmpty()

    def test_stalled(self) -> None:
        """After a turn that took very long everything that became due meanwhile is met."""
        crowd = [socket() for _ in range(10)]
        for number, one in enumerate(crowd):
            self.wheel.set(one, float(number))
        self.clock.advance(100)
        self.assertEqual([met for _, met in self.met], crowd)
        self.assertEmpty()

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["set", "set", "clear", "advance"]),
                st.integers(0, 5),
                st.floats(0, 20, allow_nan=False),
            ),
            max_size=60,
        )
    )
    def test_any_life(self, story: list[tuple[str, int, float]]) -> None:
        """Whatever is set, moved and cleared, each socket's last deadline is met once, in time, and nothing is left."""
        self.setUp()
        crowd = [socket() for _ in range(6)]
        expected: dict[Socket, float] = {}
        for action, number, value in story:
            one = crowd[number]
            if action == "set":
                at = self.clock.seconds() + value
                self.wheel.set(one, at)
                expected[one] = at
            elif action == "clear":
                self.wheel.clear(one)
                expected.pop(one, None)
            else:
                self.met.clear()
                self.advance(value)
                for now, met in self.met:
                    self.assertTrue(-1e-6 <= now - expected.pop(met) <= RESOLUTION + 1e-6)
                self.assertTrue(all(at > self.clock.seconds() - RESOLUTION for at in expected.values()))
            self.assertEqual(len(self.wheel), len(expected))
            self.assertLessEqual(len(self.clock.getDelayedCalls()), 1)
        self.met.clear()
        self.advance(30)
        self.assertEqual({met for _, met in self.met}, set(expected))
        self.assertEqual(len(self.met), len(expected))
        self.assertEmpty()
