"""The bus goes down, the authority loses what it knew, a node is taken for dead: what clients learn of it."""

from __future__ import annotations

from sockudo_tx.engine.cluster.settings import ClusterSettings
from sockudo_tx.interfaces import Lease
from sockudo_tx.testing import fixture_app

from .case import ROOM, ClusterCase, told

EVENT = {"name": "tick", "channel": "news", "data": "{}"}


class DownTests(ClusterCase):
    """Node `b` has lost the others for a while."""

    def test_buffered(self) -> None:
        """What it publishes meanwhile is delivered there, and elsewhere once it is back, in order."""
        here, there = self.client(1, "news"), self.client(0, "news")
        self.cluster.cut(1)
        for n in range(3):
            self.b.publish("news", f"e{n}")
        self.assertEqual((len(here.take()), there.take()), (3, []))
        self.cluster.heal(1)
        self.b.publish("news", "e3")
        self.assertEqual([m["event"] for m in there.json()], ["e0", "e1", "e2", "e3"])

    def test_refused(self) -> None:
        """Accepted for as long as it is kept, then 503, though everybody here gets it; at once where that is wanted."""
        here = self.client(1, "news")
        self.cluster.cut(1)
        self.assertFalse(self.b.engine.refusing)
        self.cluster.advance(4.9)
        self.assertEqual(self.b.request("POST", "/apps/app/events", body=EVENT).status, 200)
        self.cluster.advance(0.2)
        self.assertTrue(self.b.engine.refusing)
        self.assertEqual(self.b.request("POST", "/apps/app/events", body=EVENT).status, 503)
        self.assertEqual(len(here.take()), 2)
        self.cluster.heal(1)
        self.assertEqual(self.b.request("POST", "/apps/app/events", body=EVENT).status, 200)
        self.start(cluster_settings=ClusterSettings(refuse_when_down=True))
        self.cluster.cut(1)
        self.assertTrue(self.b.engine.refusing)

    def test_missed_meanwhile(self) -> None:
        """Who came and went elsewhere is told when it is back, in member lists and on watchlists."""
        here, there = self.member(1, "u1"), self.member(0, "u2")
        watcher, watched = self.client(1), self.client(0)
        watcher.signin("w", watchlist=["u5"])
        here.take(), watcher.take()
        self.cluster.cut(1)
        there.unsubscribe(ROOM)
        self.member(2, "u3")
        watched.signin("u5")
        self.assertEqual((told(here), watcher.take()), ([], []))
        self.cluster.heal(1)
        self.assertEqual(told(here), [("removed", "u2"), ("added", "u3")])
        self.assertIn("online", watcher.take()[0])
        self.assertEqual(dict(self.b.engine.cluster_tally.resyncs), {"bus": 1})


class LostStateTests(ClusterCase):
    """The authority has another epoch, and knows nothing."""

    def forget(self) -> None:
        self.cluster.authority.__init__(self.cluster.clock)  # type: ignore[misc]
        self.cluster.authority.listen(self.cluster.broker)

    def test_nothing_to_tell(self) -> None:
        """Every node registers again; no client hears of it, lists and counts are right, and a real leave works."""
        clients = [self.member(place, f"u{place}") for place in range(3)]
        self.client(1).signin("s1")
        for client in clients:
            client.take()
        self.forget()
        self.cluster.advance(15)
        self.assertEqual([client.take() for client in clients], [[], [], []])
        self.assertEqual(sorted(self.a.members(ROOM)), ["u0", "u1", "u2"])
        self.assertEqual(self.a.subscriptions(ROOM), 3)
        self.assertEqual(self.a.engine.tables()["leaving"], 0)
        clients[1].cut()
        self.cluster.pump()
        self.assertEqual(told(clients[0]), [("removed", "u1")])
        names = [fact.name for fact in self.cluster.facts()]
        self.assertEqual((names.count("channel_occupied"), names.count("member_added")), (1, 3))

    def test_real_changes(self) -> None:
        """Of who really comes and goes meanwhile everybody learns, once; a newcomer sees all that are there."""
        clients = [self.member(place, f"u{place}") for place in range(3)]
        self.forget()
        newcomer = self.member(1, "u9")
        clients[2].cut()
        self.cluster.advance(15)
        self.assertEqual(sorted(told(clients[0])[-2:]), [("added", "u9"), ("removed", "u2")])
        self.assertEqual(told(newcomer), [("removed", "u2")])

    def test_mid_registration(self) -> None:
        """While only some have registered, nobody is taken for gone by who fetches a list."""
        here = self.member(0, "u0")
        self.member(1, "u1")
        here.take()
        self.forget()
        self.cluster.cut(1)
        self.cluster.advance(6)
        newcomer = self.member(0, "u5")
        self.assertEqual(told(here), [("added", "u5")])
        self.cluster.drop(lambda place, topic, frame: frame[1] == 2)
        self.member(0, "u6")
        self.cluster.drop(None)
        self.assertEqual(told(here), [("added", "u6")])
        self.assertEqual(told(newcomer), [("added", "u6")])
        self.cluster.heal(1)
        self.cluster.advance(15)
        self.assertEqual((told(here), told(newcomer)), ([], []))
        self.assertEqual(sorted(self.c.members(ROOM)), ["u0", "u1", "u5", "u6"])


class FencedTests(ClusterCase):
    """Node `b` was taken for dead, and is not."""

    def test_another_id(self) -> None:
        """Others see its members go and come back; its clients stay, their lists are right, webhooks say nothing
        but totals."""
        here, theirs = self.member(0, "u0"), self.member(1, "u1")
        news = self.client(1, "news")
        signed = self.client(1)
        signed.signin("s1")
        self.cluster.facts()
        here.take()
        before = self.b.id
        self.cluster.hold(1)
        self.cluster.bury(before)
        self.cluster.pump()
        self.cluster.release(1)
        self.cluster.advance(6)
        self.assertNotEqual(self.b.id, before)
        self.assertEqual(told(here), [("removed", "u1"), ("added", "u1")])
        self.assertEqual(sorted(self.a.members(ROOM)), ["u0", "u1"])
        self.assertEqual((self.a.subscriptions("news"), self.a.occupied()), (1, ["news", ROOM]))
        self.a.publish("#server-to-user-s1", "hello")
        self.assertEqual(len(signed.take()), 1)
        self.assertTrue(news.answers())
        self.assertEqual([fact.name for fact in self.cluster.facts() if fact.name != "subscription_count"], [])
        theirs.cut()
        self.cluster.pump()
        self.assertEqual(told(here), [("removed", "u1")])

    def test_connection_in_that_moment(self) -> None:
        """Who is on the way in when a node takes another id is counted under that, and who is refused is not."""
        for limit, counted in ((2, 1), (1, 0)):
            self.start(apps=[fixture_app(max_connections=limit)])
            self.client(0)
            self.cluster.hold(1)
            coming = self.b.connect()
            self.b.engine.start_anew()
            self.cluster.release(1)
            self.cluster.advance(6)
            self.assertEqual(coming.closed is None, bool(counted))
            connections = self.cluster.authority._apps["app"].connections
            self.assertEqual(connections, {self.a.id: 1, **({self.b.id: 1} if counted else {})})

    def test_start_anew(self) -> None:
        """Forgotten changes: under another id only what is true is there, and others learn of what is no more."""
        here, gone, stays = self.member(0, "u0"), self.member(1, "u1"), self.member(1, "u2")
        here.take()
        part = self.b.engine._presence._authority.part
        self.b.engine._presence._authority.part = lambda *fact: part("app", ROOM, "nobody", "0.0")
        gone.cut()
        self.cluster.pump()
        self.assertEqual(told(here), [])
        self.b.engine.start_anew()
        self.cluster.pump()
        self.assertEqual(told(here), [("removed", "u1")])
        self.assertEqual(sorted(self.c.members(ROOM)), ["u0", "u2"])
        self.assertEqual(told(stays), [("removed", "u1")])
        self.assertEqual(self.cluster.authority.lease(self.b.id, 15), Lease(self.cluster.authority.epoch, False))
