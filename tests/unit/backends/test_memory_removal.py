"""How a node that is gone is removed from the authority in memory."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.authority import MemoryAuthority


class RemovalTests(SynchronousTestCase):
    """`MemoryAuthority.reap`"""

    def setUp(self) -> None:
        self.authority = MemoryAuthority(Clock())
        for number in range(1000):
            self.authority.occupy("app", f"c{number}", "another")
            self.authority.join("app", f"presence-{number}", "another", f"1.{number}", "u", "", 0)
            self.authority.user_up("app", f"u{number}", "another", f"1.{number}")

    def slices(self, node: str) -> int:
        count = 1
        while self.authority.reap(node, 10):
            count += 1
        return count

    def test_nothing_of_it(self) -> None:
        """What others have is passed in slices too, if in longer ones."""
        self.assertTrue(10 < self.slices("gone") < 30)
        self.assertEqual(self.authority.tables()["authority.removals"], 0)
        self.assertEqual(self.authority.totals(), {"app": (1000, 1000, 1000, 1000)})

    def test_all_of_it(self) -> None:
        """A slice removes as much as it may, and nothing is left."""
        self.authority.conn_open("app", "another", 0)
        self.assertTrue(300 <= self.slices("another") < 330)
        self.assertEqual(self.authority.tables()["authority.apps"], 0)

    def test_meanwhile(self) -> None:
        """What goes between two slices is not removed twice, and what others take over is theirs."""
        self.authority.reap("another", 10)
        for number in range(1000):
            self.authority.vacate("app", f"c{number}", "another")
            self.authority.part("app", f"presence-{number}", "another", f"1.{number}")
            self.authority.user_down("app", f"u{number}", "another", f"1.{number}")
        self.assertEqual(self.authority.totals(), {})
        self.authority.user_up("app", "u7", "here", "2.1")
        self.slices("another")
        self.assertEqual(self.authority.totals(), {"app": (1, 0, 0, 0)})
