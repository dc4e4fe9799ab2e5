"""Signed-in users and who watches them, on several nodes."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from .case import ClusterCase, events


class WatchTests(ClusterCase):
    """A watcher on one node."""

    def changes(self, client: object) -> list[tuple[str, list[str]]]:
        return [
            (change["name"], change["user_ids"])
            for event, data in events(client)  # type: ignore[arg-type]
            if event == "watchlist_events"
            for change in data["events"]
        ]

    def test_S42_online_and_offline(self) -> None:
        """Sees a user of another node online at sign-in, offline with its last socket anywhere, nothing in between."""
        theirs = [self.client(1), self.client(2)]
        for client in theirs:
            client.signin("u2")
        watcher = self.client(0)
        watcher.signin("u1", watchlist=["u2", "u3"])
        watcher_of_itself = self.client(0)
        self.assertEqual(self.changes(watcher), [])
        theirs[0].cut()
        self.cluster.pump()
        self.assertEqual(self.changes(watcher), [])
        theirs[1].cut()
        self.cluster.pump()
        self.assertEqual(self.changes(watcher), [("offline", ["u2"])])
        back = self.client(1)
        back.signin("u2")
        self.assertEqual(self.changes(watcher), [("online", ["u2"])])
        watcher_of_itself.send("{}")

    def test_itself(self) -> None:
        """Who watches itself learns of itself once, in the status."""
        client = self.client(0)
        signed = client.signin("u1", watchlist=["u1"])
        self.assertEqual(len(signed), 2)
        self.assertEqual(self.changes(client), [])

    def test_meanwhile(self) -> None:
        """A change while the status is asked for is part of it, and told once."""
        watcher, theirs = self.client(0), self.client(1)
        self.cluster.hold(0)
        watcher.signin("u1", watchlist=["u2"])
        theirs.signin("u2")
        self.cluster.release(0)
        self.assertEqual(self.changes(watcher), [("online", ["u2"])])

    def test_while_it_is_asked(self) -> None:
        """What changes behind the answer, and comes before it, is told once, by the status."""
        watcher, theirs = self.client(0), self.client(1)
        answer: Deferred[set[str]] = Deferred()
        self.patch(self.a.engine._users._authority, "online", lambda app_id, user_ids: answer)
        watcher.signin("u1", watchlist=["u2"])
        theirs.signin("u2")
        self.assertEqual(self.changes(watcher), [])
        answer.callback(set())
        self.assertEqual(self.changes(watcher), [("online", ["u2"])])

    def test_twice(self) -> None:
        """A change that was told already is not told again."""
        theirs, watcher = self.client(1), self.client(0)
        watcher.signin("u1", watchlist=["u2"])
        watcher.take()
        theirs.signin("u2")
        (frame,) = {frame for _, topic, frame in self.cluster.delivered() if frame[1] == 10 and "u2" in topic}
        self.cluster.inject("u\0app\0u2", frame)
        self.assertEqual(self.changes(watcher), [("online", ["u2"])])

    def test_missed(self) -> None:
        """A change that was lost is told to those who watch as soon as somebody asks; who asks hears of it once."""
        theirs, watcher = self.client(1), self.client(0)
        theirs.signin("u2")
        watcher.signin("u1", watchlist=["u2"])
        watcher.take()
        self.cluster.drop(lambda place, topic, frame: frame[1] == 10)
        theirs.cut()
        self.cluster.pump()
        self.cluster.drop(None)
        self.assertEqual(self.changes(watcher), [])
        other = self.client(0)
        self.assertEqual(len(other.signin("u3", watchlist=["u2"])), 2)
        self.assertEqual((self.changes(watcher), self.changes(other)), ([("offline", ["u2"])], []))

    def test_watched_no_more(self) -> None:
        """What watchers were told is forgotten with the last of them."""
        watcher = self.client(0)
        watcher.signin("u1", watchlist=["u2"])
        self.assertEqual(len(self.a.engine._users._told), 1)
        watcher.cut()
        self.cluster.pump()
        self.assertEqual(len(self.a.engine._users._told), 0)

    def test_gone_while_it_signs_in(self) -> None:
        """Nothing is left of a socket that goes while it waits, and its topics go too."""
        client = self.client(0)
        self.cluster.hold(0)
        client.signin("u1", watchlist=["u2", "u3"])
        client.cut()
        self.cluster.release(0)
        self.cluster.advance(20)
        self.assertEqual([topic for topic in self.a.bus.topics if topic[0] == "u"], [])
        self.assertEqual(self.cluster.authority.online("app", ["u1"]), set())
        self.assertEqual(len(self.a.engine._users._told), 0)

    def test_other_watchlist(self) -> None:
        """Who signs in again with another list watches that one, and topics of the first go."""
        client = self.client(0)
        client.signin("u1", watchlist=["u2", "u3"])
        client.signin("u1", watchlist=["u3"])
        self.cluster.advance(20)
        self.assertEqual(sorted(t[-2:] for t in self.a.bus.topics if t[0] == "u"), ["u1", "u3"])
        client.cut()
        self.cluster.advance(20)
        self.assertEqual([t for t in self.a.bus.topics if t[0] == "u"], [])
