"""Crowds that leave: a few at once, the others in slices, and nobody is confused meanwhile (scaling.md 9)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.facts import SLICE as FACTS
from sockudo_tx.engine.leaving import AT_ONCE, CROWDED, SLICE, Leaver, Leaving
from sockudo_tx.engine.tables import AppSpace, Socket
from sockudo_tx.engine.tally import Tally
from sockudo_tx.interfaces import Fact
from sockudo_tx.protocol.liveness import Pulse
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.protocol.session import Session
from sockudo_tx.testing import fixture_app

from .case import GRACE, ROOM, EngineCase, Peer, added, removed
from .sinks import RecordingSink

CROWD = 90


class CrowdCase(EngineCase):
    """A presence channel full of people."""

    def crowd(self, size: int = CROWD) -> list[Peer]:
        """Each a member of the room, in a channel with all others and in one of its own."""
        peers = []
        for number in range(size):
            peer = self.member(f"u{number}")
            peer.subscribe("news")
            peer.subscribe(f"own-{number}")
            peers.append(peer)
        for peer in peers:
            peer.take()
        return peers

    def cut(self, peers: Sequence[Peer]) -> None:
        """Their transports go in one turn."""
        for peer in peers:
            peer.vanish()

    def left(self) -> int:
        """Those that wait to be taken out."""
        return self.engine.tables()["leaving"]


class CrowdTests(CrowdCase):
    """What others notice of a crowd that leaves"""

    def test_in_slices(self) -> None:
        """No turn takes more than a slice out of the tables, and in the end they are empty."""
        self.cut(self.crowd())
        left = self.left()
        self.assertEqual(left, CROWD - AT_ONCE)
        turns = 0
        while self.left():
            self.turn()
            self.assertLessEqual(left - self.left(), SLICE // 3 + 1)
            left, turns = self.left(), turns + 1
        self.assertGreater(turns, 3)
        self.assertEqual(self.engine.stats().totals.connections, 0)

    def test_batch_size(self) -> None:
        """`cleanup_batch` bounds the slices of those who wait already, too."""
        self.cut(self.crowd())
        self.engine.adjust(self.settings._replace(cleanup_batch=1))
        left = self.left()
        while self.left():
            self.turn()
            self.assertEqual(left - self.left(), 1)
            left = self.left()

    def test_few(self) -> None:
        """Those that end one by one are taken out in the turn in which they end."""
        peers = self.crowd(3 * AT_ONCE)
        for peer in peers:
            self.clock.advance(CROWDED)
            peer.vanish()
            self.assertEqual(self.left(), 0)

    def test_told_once(self) -> None:
        """Who stays is told of each that goes, once and in order; webhooks are too."""
        peers = self.crowd()
        stays = self.member("stays")
        for peer in peers:
            peer.take()
        self.facts.take()
        self.cut(peers)
        self.advance(1)
        self.assertEqual(stays.events(), [removed(f"u{number}") for number in range(CROWD)])
        self.advance(GRACE)
        told = self.facts.take()
        gone = [Fact("member_removed", ROOM, user_id=f"u{number}") for number in range(CROWD)]
        self.assertEqual([fact for fact in told if fact.name == "member_removed"], gone)
        vacated = sorted(fact.channel for fact in told if fact.name == "channel_vacated")
        self.assertEqual(vacated, sorted(["news", *(f"own-{number}" for number in range(CROWD))]))

    def test_nobody_hears_of_those_who_go_along(self) -> None:
        """Of those who wait to be taken out, none is told who else goes, and none gets an event."""
        peers = self.crowd()
        self.cut(peers[:AT_ONCE])
        for peer in peers:
            peer.take()
        self.cut(peers[AT_ONCE:])
        self.advance(1)
        self.assertEqual([peer.take() for peer in peers], [[]] * CROWD)

    def test_counts(self) -> None:
        """The count of a channel is that of those who stay."""
        peers = self.crowd()
        self.cut(peers[10:])
        self.advance(1)
        counts = self.engine.counts("app", "news")
        self.assertEqual(getattr(counts, "subscriptions", None), 10)

    def test_newer_list(self) -> None:
        """A member that comes while others wait finds them in its list and is told of each that goes."""
        self.cut(self.crowd())
        late = self.member("late")
        heard = self.engine.tables()["leaving"]
        self.advance(1)
        self.assertEqual(late.events(), [removed(f"u{number}") for number in range(CROWD - heard, CROWD)])


class ComingBackTests(CrowdCase):
    """Those who come back while their old connections are still in the tables"""

    def test_quota(self) -> None:
        """Their places are free at once."""
        self.change_app(max_connections=CROWD)
        self.cut(self.crowd())
        self.assertGreater(self.left(), 0)
        for _ in range(CROWD):
            self.open()

    def test_full_channel(self) -> None:
        """Nobody is refused because of a member who has left: the answer waits until it is out."""
        self.change_app(max_presence_members_per_channel=CROWD)
        self.cut(self.crowd())
        new = self.open()
        for number in range(AT_ONCE):
            self.member(f"new-{number}")
        self.assertEqual(new.subscribe(ROOM, "last"), [])
        self.advance(1)
        self.assertEqual(new.events()[0][0], "subscription_succeeded")

    def test_really_full_channel(self) -> None:
        """Whom others leave no room is refused, after they were looked at."""
        self.change_app(max_presence_members_per_channel=CROWD)
        self.crowd()
        strangers = [self.open() for _ in range(2 * AT_ONCE)]
        new = self.open()
        self.cut(strangers)
        self.assertEqual(new.subscribe(ROOM, "last"), [])
        self.advance(1)
        self.assertEqual(new.events(), [("pusher:error", 4100)])

    def test_same_user(self) -> None:
        """A user that is back before it was taken out never left, for members and for webhooks."""
        stays = self.member("stays")
        peers = self.crowd()
        self.cut(peers)
        back = self.member(f"u{CROWD - 1}")
        stays.take()
        self.facts.take()
        self.advance(1)
        self.assertNotIn(removed(f"u{CROWD - 1}"), stays.events())
        self.advance(GRACE)
        gone = [fact.user_id for fact in self.told("member_removed")]
        self.assertNotIn(f"u{CROWD - 1}", gone)
        self.assertEqual(len(gone), CROWD - 1)
        back.vanish()
        self.assertEqual(stays.events(), [removed(f"u{CROWD - 1}")])

    def test_again(self) -> None:
        """A user that was taken out and comes back while others wait is told as gone and as new, in this order."""
        stays = self.member("stays")
        self.cut(self.crowd())
        stays.take()
        self.turn()
        self.member(f"u{AT_ONCE}")
        self.advance(1)
        events = stays.events()
        self.assertLess(events.index(removed(f"u{AT_ONCE}")), events.index(added(f"u{AT_ONCE}")))


class DrainTests(CrowdCase):
    """The end of the server"""

    def test_everybody_is_told(self) -> None:
        """A drain is over when those who left are out of the tables, and all webhooks are told."""
        peers = self.crowd()
        done = self.engine.drain(0)
        self.cut(peers)
        self.assertNoResult(done)
        self.advance(0.1)
        self.successResultOf(done)
        self.assertEqual(len(self.told("member_removed")), CROWD)

    def test_authority_fails(self) -> None:
        """An authority that fails at the end keeps nobody waiting."""
        peers = self.crowd()
        self.authority.hold("due")
        self.authority.failing.add("due")
        done = self.engine.drain(0)
        self.cut(peers)
        self.advance(0.1)
        self.assertNoResult(done)
        self.authority.release()
        self.successResultOf(done)
        self.authority.failing.clear()
        self.authority.free()
        self.authority.due(sys.maxsize, True)

    def test_slices_at_the_end(self) -> None:
        """Not even the facts of the last are told all in one turn, as those of a crowd are more than webhooks hold."""
        peers = self.crowd()
        over: list[None] = []
        self.engine.drain(0).addCallback(over.append)
        self.facts.take()
        self.cut(peers)
        slices = []
        while not over:
            self.turn()
            slices.append(len(self.facts.take()))
        self.assertEqual((max(slices), sum(slices)), (FACTS, CROWD + CROWD + 2))  # members, own channels, both others


class LeavingTests(SynchronousTestCase):
    """The queue alone"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cleaned: list[str] = []
        self.slices: list[int] = []
        self.broken = False
        self.emptied = 0
        self.leaving = Leaving(self.clock, self.clean, self.empty)

    def empty(self) -> None:
        self.emptied += 1

    def clean(self, leavers: Sequence[Leaver]) -> None:
        self.slices.append(len(leavers))
        if self.broken:
            self.broken = False
            raise RuntimeError("a bug")
        self.cleaned += [leaver.socket.id for leaver in leavers]

    def add(self, count: int, channels: int = 0) -> None:
        space = AppSpace(fixture_app(), Tally().of("app"))
        for number in range(count):
            socket = Socket(RecordingSink(), Pulse(0, None))
            socket.id = str(number)
            session = Session(socket.id)
            for channel in range(channels):
                session.joined(ChannelName.of(f"c{channel}"), None)
            self.leaving.add(Leaver(socket, space, session), self.clock.seconds())

    def test_order(self) -> None:
        """They are taken out in the order in which they ended, each once."""
        self.add(500)
        self.clock.pump([0] * 100)
        self.assertEqual(self.cleaned, [str(number) for number in range(500)])
        self.assertEqual((len(self.leaving), self.emptied), (0, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_channels(self) -> None:
        """One with many channels is a slice of its own."""
        self.add(AT_ONCE + 3, channels=SLICE)
        self.clock.pump([0] * 10)
        self.assertEqual(self.slices, [1] * (AT_ONCE + 3))

    def test_batch(self) -> None:
        """No slice takes more than `batch`, however little there is to do for each."""
        self.leaving.batch = 3
        self.add(AT_ONCE + 7)
        self.clock.pump([0] * 10)
        self.assertEqual(self.slices, [1] * AT_ONCE + [3, 3, 1])

    def test_a_bug(self) -> None:
        """What goes wrong with one slice is logged, and the others are taken out."""
        self.add(500)
        self.broken = True
        self.clock.pump([0] * 100)
        self.assertEqual(len(self.cleaned), 500 - SLICE)
        self.assertEqual(len(self.leaving), 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_settled(self) -> None:
        """Whoever waits for the others is told when they are out, at once when there are none."""
        self.assertIsNone(self.leaving.settled())
        self.add(100)
        first, second = self.leaving.settled(), self.leaving.settled()
        assert first is not None
        assert second is not None
        self.assertNoResult(first)
        self.clock.pump([0] * 100)
        self.successResultOf(first)
        self.successResultOf(second)
