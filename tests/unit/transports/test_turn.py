"""The end of a turn: once, for everybody, whatever happens to one."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.turn import Turn


class Box:
    """Notes when it is flushed, and does something then."""

    def __init__(self, name: str, flushed: list[str], then: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.flushed = flushed
        self.then = then

    def flush(self) -> None:
        self.flushed.append(self.name)
        self.then()


class TurnTests(SynchronousTestCase):
    """`Turn`"""

    def setUp(self) -> None:
        self.scheduled: list[Callable[[], None]] = []
        self.turn = Turn(self.scheduled.append)
        self.flushed: list[str] = []

    def end(self) -> None:
        """The turn ends."""
        scheduled, self.scheduled[:] = self.scheduled[:], []
        for call in scheduled:
            call()

    def test_one_flush(self) -> None:
        """The first of a turn schedules one flush for all, in order; nothing happens before."""
        for name in "abc":
            self.turn.add(Box(name, self.flushed))
        self.assertEqual((len(self.scheduled), self.flushed), (1, []))
        self.end()
        self.assertEqual((self.scheduled, self.flushed), ([], ["a", "b", "c"]))

    def test_every_turn(self) -> None:
        """The next turn is flushed again."""
        for _ in range(2):
            self.turn.add(Box("a", self.flushed))
            self.end()
        self.assertEqual(self.flushed, ["a", "a"])

    def test_added_while_flushing(self) -> None:
        """What is added by a flush leaves in the same turn."""
        late = Box("late", self.flushed)
        self.turn.add(Box("first", self.flushed, lambda: self.turn.add(late)))
        self.turn.add(Box("second", self.flushed))
        self.end()
        self.assertEqual((self.flushed, self.scheduled), (["first", "second", "late"], []))

    def test_late(self) -> None:
        """What is added as late comes behind all others, whenever they were added; alone it has a flush of its own."""
        late = Box("late", self.flushed)
        self.turn.add_late(late)
        self.turn.add(Box("a", self.flushed, lambda: self.turn.add(Box("b", self.flushed))))
        self.assertEqual(len(self.scheduled), 1)
        self.end()
        self.assertEqual((self.flushed, self.scheduled), (["a", "b", "late"], []))
        self.turn.add_late(late)
        self.end()
        self.assertEqual((self.flushed[3:], self.scheduled), (["late"], []))

    def test_late_after_a_failure(self) -> None:
        """What is late is flushed even when somebody before it, or late as well, has failed."""

        def fail() -> None:
            raise ZeroDivisionError

        self.turn.add_late(Box("late and bad", self.flushed, fail))
        self.turn.add_late(Box("late", self.flushed))
        self.turn.add(Box("bad", self.flushed, fail))
        for _ in range(2):
            self.assertRaises(ZeroDivisionError, self.end)
        self.end()
        self.assertEqual((self.flushed, self.scheduled), (["bad", "late and bad", "late"], []))

    def test_failure(self) -> None:
        """When one flush fails, the others follow at once in another, and the turn goes on working."""

        def fail() -> None:
            raise ZeroDivisionError

        for box in (Box("a", self.flushed), Box("bad", self.flushed, fail), Box("c", self.flushed)):
            self.turn.add(box)
        self.assertRaises(ZeroDivisionError, self.end)
        self.assertEqual(self.flushed, ["a", "bad"])
        self.end()
        self.assertEqual(self.flushed, ["a", "bad", "c"])
        self.turn.add(Box("d", self.flushed))
        self.end()
        self.assertEqual((self.flushed[-1], self.scheduled), ("d", []))

    def test_failure_of_the_last(self) -> None:
        """When the last flush fails nothing stays behind, and the next turn is scheduled."""

        def fail() -> None:
            raise ZeroDivisionError

        self.turn.add(Box("bad", self.flushed, fail))
        self.assertRaises(ZeroDivisionError, self.end)
        self.assertEqual(self.scheduled, [])
        self.turn.add(Box("next", self.flushed))
        self.end()
        self.assertEqual(self.flushed, ["bad", "next"])
