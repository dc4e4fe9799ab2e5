"""Topics: needed by some, kept for a while, waited for no longer than bearable."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.cluster import interest
from sockudo_tx.engine.cluster.interest import Interest
from sockudo_tx.engine.cluster.sequences import Heard
from sockudo_tx.engine.cluster.settings import ClusterSettings
from sockudo_tx.engine.cluster.tally import ClusterTally
from sockudo_tx.interfaces import BackendError, IBus
from sockudo_tx.testing.tables import sizes

from .bus import RecordingBus


class InterestTests(SynchronousTestCase):
    """A bus that answers when the test says so."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = RecordingBus()
        self.tally = ClusterTally()
        self.late: list[str] = []
        self.heard = Heard(60)
        self.interest = Interest(
            self.clock, IBus(self.bus), ClusterSettings(), self.heard, self.tally, self.late.append
        )

    def hold(self, topic: str = "t", *, anew: bool = False) -> Deferred[None]:
        wait = self.interest.hold(topic, anew=anew)
        assert wait is not None
        return wait

    def test_confirmed(self) -> None:
        """Who comes first waits for the bus, and who comes meanwhile waits for the same; later nobody waits."""
        waits = [self.hold(), self.hold()]
        self.assertEqual(len(self.bus.asked), 1)
        self.bus.asked[0][1].callback(None)
        self.assertEqual([wait.called for wait in waits], [True, True])
        self.assertIsNone(self.interest.hold("t"))
        self.assertEqual((self.clock.getDelayedCalls(), self.late, self.tally.unconfirmed), ([], [], 0))

    def test_patience(self) -> None:
        """After a second they go on, nobody else waits, and what was missed is told when the answer is there."""
        wait = self.hold()
        self.clock.advance(0.9)
        self.assertNoResult(wait)
        self.clock.advance(0.2)
        self.assertTrue(wait.called)
        self.assertIsNone(self.interest.hold("t"))
        self.assertEqual(self.late, [])
        self.bus.asked[0][1].callback(None)
        self.assertEqual((self.late, self.tally.unconfirmed), (["t"], 1))

    def test_failure(self) -> None:
        """A bus that cannot is not waited for, and asked again as long as the topic is needed: something was missed."""
        wait = self.hold()
        self.bus.asked[0][1].errback(BackendError("down"))
        self.assertTrue(wait.called)
        self.assertEqual((self.tally.unconfirmed, self.late), (1, []))
        self.clock.advance(1)
        self.bus.asked[1][1].errback(BackendError("still down"))
        self.clock.advance(1)
        newcomer = self.hold()
        self.bus.asked[2][1].callback(None)
        self.assertTrue(newcomer.called)
        self.assertEqual((self.late, self.clock.getDelayedCalls()), (["t"], []))

    def test_failure_that_nobody_minds(self) -> None:
        """What nobody needs is not asked for again before somebody does, and forgotten with the topic."""
        self.hold()
        self.interest.release("t")
        self.bus.asked[0][1].errback(BackendError("down"))
        self.clock.advance(5)
        self.assertEqual(len(self.bus.asked), 1)
        self.hold()
        self.assertEqual(len(self.bus.asked), 2)
        self.interest.release("t")
        self.bus.asked[1][1].errback(BackendError("down"))
        self.clock.advance(20)
        self.assertEqual((len(self.bus.asked), len(self.interest), self.clock.getDelayedCalls()), (2, 0, []))

    def test_many_failures(self) -> None:
        """Many topics are asked for again by one timer, some at a time."""
        self.patch(interest, "SLICE", 2)
        for topic in "abcde":
            self.hold(topic)
        for _, answer in self.bus.asked:
            answer.errback(BackendError("down"))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(1)
        self.assertEqual([topic for topic, _ in self.bus.asked], [*"abcde"] * 2)

    def test_linger(self) -> None:
        """The topic goes ten seconds after the last one needed it, and stays when somebody comes again."""
        self.hold()
        self.bus.asked[0][1].callback(None)
        self.assertTrue(self.interest.needed("t"))
        self.assertTrue(self.interest.release("t"))
        self.assertFalse(self.interest.needed("t"))
        self.clock.advance(9)
        self.assertIsNone(self.interest.hold("t"))
        self.clock.advance(20)
        self.assertEqual(self.bus.gone, [])
        self.interest.release("t")
        self.clock.advance(10)
        self.assertEqual((self.bus.gone, len(self.interest), self.clock.getDelayedCalls()), (["t"], 0, []))

    def test_anew(self) -> None:
        """The first who needs it again can have the bus confirm it again; a late answer of before means nothing."""
        self.hold()
        self.interest.release("t")
        wait = self.hold(anew=True)
        self.bus.asked[0][1].callback(None)
        self.assertNoResult(wait)
        self.bus.asked[1][1].callback(None)
        self.assertTrue(wait.called)
        self.assertIsNone(self.interest.hold("t", anew=True))

    def test_failure_of_before(self) -> None:
        """Nor does a late failure of before: who waits now goes on waiting."""
        self.hold()
        self.interest.release("t")
        wait = self.hold(anew=True)
        self.bus.asked[0][1].errback(BackendError("down"))
        self.assertNoResult(wait)
        self.clock.advance(0.9)
        self.assertEqual(len(self.bus.asked), 2)

    def test_gone_before_the_answer(self) -> None:
        """A topic that went before it was confirmed is not told of when the answer comes."""
        wait = self.hold()
        self.interest.release("t")
        self.clock.advance(11)
        self.bus.asked[0][1].callback(None)
        self.assertEqual((wait.called, self.late, self.bus.gone), (True, [], ["t"]))

    def test_many_linger(self) -> None:
        """Of those nobody needs only so many are kept."""
        self.patch(interest, "LINGERING", 2)
        for topic in "abc":
            self.hold(topic)
            self.interest.release(topic)
        self.assertEqual((self.bus.gone, len(self.interest)), (["a"], 2))

    def test_stop(self) -> None:
        """No timer is left, and who waits goes on."""
        wait = self.hold("a")
        self.hold("b")
        self.interest.release("b")
        self.interest.stop()
        self.assertEqual((wait.called, self.clock.getDelayedCalls()), (True, []))

    def test_nothing_is_kept(self) -> None:
        """However many topics were needed once, nothing is left of them."""
        for number in range(50):
            self.hold(str(number))
            self.interest.release(str(number))
        self.clock.advance(11)
        self.assertEqual(sizes({"interest": self.interest, "heard": self.heard}), {})
