"""Ids and epochs that were: what is said under them, and what is left of them."""

from __future__ import annotations

import random

from sockudo_tx.engine import mirrors
from sockudo_tx.engine.cluster.topics import CONTROL, channel_topic, node_topic
from sockudo_tx.protocol.bus_frames import Control, Event, encode

from .case import ROOM, ClusterCase, events, told


class EarlierTests(ClusterCase):
    """Node `b` has been taken for dead, or the authority has lost what it knew"""

    def forget(self) -> str:
        """The authority begins anew; the epoch that was."""
        earlier = self.cluster.authority.epoch
        self.cluster.authority.__init__(self.cluster.clock)  # type: ignore[misc]
        self.cluster.authority.listen(self.cluster.broker)
        return earlier

    def registrations(self, place: int, reason: str) -> int:
        tally = self.cluster[place].engine.cluster_tally
        assert tally is not None
        return tally.registrations[reason]

    def fence(self) -> str:
        """Node `b` is taken for dead while it is busy; the id it had."""
        earlier = self.b.id
        self.cluster.hold(1)
        self.cluster.bury(earlier)
        self.cluster.pump()
        self.cluster.release(1)
        return earlier

    def test_own_words(self) -> None:
        """What a node said under an earlier id, and gets back from a bus that returns it, is not delivered twice."""
        client = self.client(1, "news")
        earlier = self.fence()
        self.cluster.advance(6)
        client.take()
        frame = encode(Event(node=earlier, app_id="app", channel="news", seq=900), '{"event":"e"}')
        self.cluster.inject(channel_topic("app", "news"), frame)
        self.assertEqual(client.take(), [])

    def test_own_topic(self) -> None:
        """A node listens under the id it has, and no more under the one it had."""
        earlier = self.fence()
        self.cluster.advance(20)
        self.assertIn(node_topic(self.b.id), self.b.bus.topics)
        self.assertNotIn(node_topic(earlier), self.b.bus.topics)

    def test_late_words_of_an_epoch(self) -> None:
        """Who hears of the epoch that was after the next one has begun does not register again."""
        earlier = self.forget()
        self.cluster.advance(15)
        before = [self.registrations(place, "epoch") for place in range(3)]
        self.assertEqual(before, [1, 1, 1])
        self.cluster.inject(CONTROL, encode(Control(node="x", op="epoch", about=earlier)))
        self.cluster.advance(15)
        self.assertEqual([self.registrations(place, "epoch") for place in range(3)], before)

    def test_registered_in_the_end(self) -> None:
        """A registration that fails is tried again until everything is told."""
        self.patch(random, "random", lambda: 0.9)  # it waits a moment before it registers
        self.member(1, "u1")
        self.forget()
        self.cluster.advance(5.5)
        self.assertEqual((self.registrations(1, "epoch"), self.a.members(ROOM)), (0, []))
        self.cluster.cut(1)
        self.cluster.advance(3)
        self.cluster.heal(1)
        self.cluster.advance(15)
        self.assertEqual(self.a.members(ROOM), ["u1"])

    def test_back_in_the_end(self) -> None:
        """So is coming back as another."""
        here = self.member(0, "u0")
        self.member(1, "u1")
        here.take()
        register = self.cluster.authority.register
        failures = [RuntimeError, RuntimeError]

        def failing(*facts: object) -> None:
            if failures:
                self.cluster.cut(1)
                self.cluster.clock.callLater(0.5, self.cluster.heal, 1)
                failures.pop()
            register(*facts)  # type: ignore[arg-type]

        self.cluster.authority.register = failing  # type: ignore[method-assign]
        self.fence()
        self.cluster.advance(15)
        self.assertEqual(failures, [])
        self.assertEqual(sorted(self.a.members(ROOM)), ["u0", "u1"])
        self.assertEqual(told(here), [("removed", "u1"), ("added", "u1")])

    def test_newcomer_meanwhile(self) -> None:
        """Who joins while the nodes still tell an authority that has lost everything finds itself in its list."""
        self.member(1, "u1")
        self.member(0, "u0")
        self.forget()
        self.cluster.advance(5.5)
        self.cluster.drop(lambda place, topic, frame: frame[1] == 2)
        newcomer = self.client(1)
        self.assertIn('\\"u9\\"', newcomer.subscribe(ROOM, "u9")[0])
        self.cluster.drop(None)
        self.assertIn('\\"u9\\"', self.client(1).subscribe(ROOM, "u8")[0])
        self.assertEqual(told(newcomer), [("added", "u8")])

    def test_many_lists(self) -> None:
        """However many member lists have to be compared, and however few at once, all are right in the end."""
        self.patch(mirrors, "FETCHES", 2)
        rooms = [f"presence-{number}" for number in range(7)]
        here, there = self.client(1), self.client(0)
        for room in rooms:
            here.subscribe(room, "u1")
            there.subscribe(room, "u2")
        here.take()
        self.cluster.cut(1)
        for room in rooms:
            there.unsubscribe(room)
        self.cluster.heal(1)
        self.assertEqual([data["user_id"] for _, data in events(here)], ["u2"] * 7)
