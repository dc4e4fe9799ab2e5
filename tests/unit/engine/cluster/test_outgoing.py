"""The way out to the bus, which is sometimes down."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.cluster.outgoing import Outgoing
from sockudo_tx.engine.cluster.settings import ClusterSettings
from sockudo_tx.engine.cluster.tally import ClusterTally
from sockudo_tx.interfaces import IBus

from .bus import RecordingBus


class OutgoingTests(SynchronousTestCase):
    """Room for four frames, ten bytes and five seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = RecordingBus()
        self.tally = ClusterTally()
        settings = ClusterSettings(buffer_frames=4, buffer_bytes=10)
        self.outgoing = Outgoing(self.clock, IBus(self.bus), settings, self.tally)

    def down(self) -> None:
        self.bus.up = False
        self.outgoing.down()

    def up(self) -> list[bytes]:
        self.bus.up = True
        self.outgoing.up()
        return [frame for _, frame in self.bus.published]

    def say(self, *frames: bytes) -> None:
        for frame in frames:
            self.outgoing.publish("t", frame)

    def test_at_once(self) -> None:
        """While the bus is up nothing is kept."""
        self.say(b"a", b"b")
        self.assertEqual((self.bus.published, len(self.outgoing)), ([("t", b"a"), ("t", b"b")], 0))

    def test_kept(self) -> None:
        """What was kept goes out before what comes after, even if that comes before the bus has said that it is up."""
        self.down()
        self.say(b"a", b"b")
        self.bus.up = True
        self.say(b"c")
        self.assertEqual(self.bus.published, [])
        self.assertEqual(self.up(), [b"a", b"b", b"c"])
        self.assertEqual((self.tally.published, self.tally.dropped), (3, {}))

    def test_room_again(self) -> None:
        """What has gone out takes no room in the next outage."""
        for _ in range(3):
            self.down()
            self.say(b"12345", b"67890")
            self.up()
        self.assertEqual((len(self.bus.published), dict(self.tally.dropped)), (6, {}))

    def test_too_many(self) -> None:
        """The oldest go."""
        self.down()
        self.say(*[b"%d" % n for n in range(6)])
        self.assertEqual((self.up(), dict(self.tally.dropped)), ([b"2", b"3", b"4", b"5"], {"frames": 2}))

    def test_too_large(self) -> None:
        """As many of the oldest as it takes; one that is too large by itself is not kept either."""
        self.down()
        self.say(b"1234", b"5678", b"90ab")
        self.assertEqual(dict(self.tally.dropped), {"bytes": 1})
        self.say(b"x" * 11)
        self.assertEqual((self.up(), dict(self.tally.dropped)), ([], {"bytes": 4}))

    def test_too_old(self) -> None:
        """Nothing goes out that is older than it may be."""
        self.down()
        self.say(b"a")
        self.clock.advance(3)
        self.say(b"b")
        self.clock.advance(3)
        self.assertEqual((self.up(), dict(self.tally.dropped)), ([b"b"], {"age": 1}))

    def test_down_again(self) -> None:
        """A bus that goes down while it gets what was kept gets the rest later."""
        self.down()
        self.say(b"a", b"b")
        self.bus.fails_after = 1
        self.up()
        self.assertEqual(len(self.outgoing), 1)
        self.bus.fails_after = None
        self.assertEqual(self.up(), [b"a", b"b"])

    def test_refusing(self) -> None:
        """As soon as what is published would be too old in the end; not while the bus is up."""
        self.down()
        self.clock.advance(5)
        self.assertFalse(self.outgoing.refusing)
        self.clock.advance(0.1)
        self.assertTrue(self.outgoing.refusing)
        self.up()
        self.assertFalse(self.outgoing.refusing)
