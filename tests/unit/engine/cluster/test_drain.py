"""A node that leaves: the others hear of everybody who goes with it, if there is any time for it."""

from __future__ import annotations

from .case import ClusterCase, told


class CrashTests(ClusterCase):
    """A node that is gone without a word"""

    def test_many_webhooks(self) -> None:
        """However much it leaves, webhooks hear of all of it when the grace is over, once."""
        rooms = [f"room-{number}" for number in range(600)]  # more than several slices
        self.client(0, *rooms)
        self.cluster.advance(1)
        self.cluster.facts()
        self.cluster.crash(0)
        self.cluster.advance(2.9)
        self.assertNotIn("channel_vacated", [fact.name for fact in self.cluster.facts()])
        self.cluster.advance(0.5)
        vacated = [fact.channel for fact in self.cluster.facts() if fact.name == "channel_vacated"]
        self.assertEqual(sorted(vacated), sorted(rooms))


class DrainTests(ClusterCase):
    """Engine.drain where the authority is another process's"""

    def setUp(self) -> None:
        super().setUp()
        self.watcher = self.member(1, "watcher")
        self.member(0, "ann")
        self.watcher.take()

    def test_told_before_the_end(self) -> None:
        """All is told when the drain is over: nobody has to take the node for dead."""
        done = self.a.engine.drain(0, patience=5)
        while not done.called:
            self.cluster.advance(0.01)
        self.assertEqual(told(self.watcher), [("removed", "ann")])
        self.assertEqual(self.b.members("presence-r"), ["watcher"])
        self.assertEqual(self.cluster.authority.tables()["authority.apps"], 1)

    def test_an_authority_that_is_back_in_time(self) -> None:
        """An authority that fails is told again as long as there is patience, and the drain waits for it."""
        self.cluster.cut(0)
        done = self.a.engine.drain(0, patience=5)
        self.cluster.advance(3)
        self.assertNoResult(done)
        self.cluster.heal(0)
        self.cluster.advance(2)
        self.successResultOf(done)
        self.assertEqual(told(self.watcher), [("removed", "ann")])

    def test_an_authority_that_stays_away(self) -> None:
        """Patience ends, and with it the node: nothing of it goes on."""
        self.cluster.cut(0)
        done = self.a.engine.drain(0, patience=5)
        self.cluster.advance(5.1)
        self.successResultOf(done)
        self.cluster.heal(0)
        self.cluster.advance(20)
        self.assertEqual(told(self.watcher), [])
