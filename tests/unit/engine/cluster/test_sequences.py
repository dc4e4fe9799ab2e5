"""Numbers on frames, and how long they are remembered."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.cluster import sequences
from sockudo_tx.engine.cluster.sequences import Heard, Said


class SaidTests(SynchronousTestCase):
    """What a node sends."""

    def test_numbers(self) -> None:
        """One counter for all topics; each frame names the one before on its own."""
        said = Said(60)
        self.assertEqual([said.next(t, 0) for t in "aaba"], [(1, 0), (2, 1), (3, 0), (4, 2)])

    def test_forgotten(self) -> None:
        """After a minute of silence nothing is before; nothing is kept of it either."""
        said = Said(60)
        said.next("a", 0)
        said.next("b", 50)
        self.assertEqual(said.next("a", 61), (3, 0))
        self.assertEqual(said.next("b", 111), (4, 0))
        self.assertEqual(len(said), 2)

    def test_forgotten_in_time(self) -> None:
        """A topic that is in use keeps no other one alive."""
        said = Said(60)
        for topic, now in (("a", 0), ("b", 0), ("a", 50), ("c", 70)):
            said.next(topic, now)
        self.assertEqual(len(said), 2)

    def test_bounded(self) -> None:
        """However many topics there are."""
        self.patch(sequences, "AT_MOST", 3)
        said = Said(60)
        for n in range(10):
            said.next(str(n), 0)
        self.assertEqual(len(said), 3)


class HeardTests(SynchronousTestCase):
    """What a node gets."""

    def setUp(self) -> None:
        self.heard = Heard(60)
        self.heard.begin("t")

    def take(self, number: int, previous: int, now: float = 0, sender: str = "n") -> str:
        return self.heard.take("t", sender, number, previous, now)

    def test_order(self) -> None:
        """The next one is new, an old one a duplicate, one behind a hole a gap."""
        self.assertEqual(
            [self.take(*f) for f in ((5, 2), (7, 5), (7, 5), (6, 5))], ["new", "new", "duplicate", "duplicate"]
        )
        self.assertEqual([self.take(9, 8), self.take(10, 9), self.take(20, 0)], ["gap", "new", "new"])
        self.assertEqual(self.take(1, 0, sender="m"), "new")

    def test_listened_again(self) -> None:
        """What was sent while nobody listened is no gap."""
        self.take(5, 0)
        self.heard.end("t")
        self.heard.begin("t")
        self.assertEqual(self.take(9, 8), "new")

    def test_forgotten(self) -> None:
        """After a minute nothing is missing."""
        self.take(5, 0)
        self.assertEqual(self.take(9, 8, 61), "new")
        self.assertEqual(len(self.heard), 1)
