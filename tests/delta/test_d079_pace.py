"""What one node does of that which several do together: D-79 to D-82 (delta-and-filters.md 11)."""

from __future__ import annotations

from zope.interface import implementer

from sockudo_tx.engine.tailored.pace import OwnPace
from sockudo_tx.interfaces import IDeltaPace

from .case import DeltaCase, padded
from .test_d019_full_and_delta import numbers


@implementer(IDeltaPace)
class Told:
    """Gives these answers in turn, and then none; remembers what it was asked."""

    def __init__(self, *answers: bool | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str, int]] = []

    def count(self, app_id: str, channel: str, key: str, interval: int) -> bool | None:
        self.asked.append((app_id, channel, key, interval))
        return self.answers.pop(0) if self.answers else None


class PaceTests(DeltaCase):
    """`IDeltaPace`"""

    def kinds(self, pace: IDeltaPace | None, messages: int, interval: int = 2) -> list[str]:
        """How so many messages come when somebody else counts, too."""
        self.delta(full_message_interval=interval, pace=pace)
        follower = self.follower()
        for number in range(messages):
            self.tell(padded(number))
        return follower.kinds()

    def test_D79_numbers_are_each_nodes_own(self) -> None:
        """Two servers begin at nought, whatever the other does."""
        first, one = self.delta(), self.follower()
        self.tell(padded(1))
        second, other = self.delta(), self.follower()
        self.tell(padded(2))
        self.server = first
        self.tell(padded(3))
        self.server = second
        self.assertEqual([numbers(text) for text in one.take()], [(0, None), (1, 0)])
        self.assertEqual([numbers(text) for text in other.take()], [(0, None)])

    def test_D80_without_deltas_from_elsewhere(self) -> None:
        """An event that says so is plain, and not counted."""
        pace = Told()
        self.delta(pace=pace)
        follower = self.follower()
        text = self.tell(padded(1), delta=False)
        self.assertEqual((follower.take(), pace.asked), ([text], []))

    def test_D81_a_message_that_is_full_everywhere(self) -> None:
        """The verdict holds for that message; while there are verdicts, the own count is only a safety net."""
        full, delta = "full", "delta"
        self.assertEqual(
            self.kinds(Told(False, False, False, True, False, False), 6), [full, *[delta] * 2, full, *[delta] * 2]
        )
        self.assertEqual(self.kinds(Told(*[False] * 7), 7), [full, *[delta] * 4, full, delta])

    def test_D82_nobody_answers(self) -> None:
        """The own count decides, as without coordination."""
        own = self.kinds(OwnPace(), 7)
        self.assertEqual(own, ["full", "delta", "delta", "full", "delta", "delta", "full"])
        self.assertEqual(self.kinds(Told(), 7), own)

    def test_what_is_counted(self) -> None:
        """Each numbered message, by app, channel and key."""
        pace = Told()
        self.delta({"c": {"conflation_key": "symbol"}}, pace=pace)
        self.follower()
        self.tell(padded(1, symbol="BTC"))
        self.assertEqual(pace.asked, [("app-id", "c", "BTC", 10)])
