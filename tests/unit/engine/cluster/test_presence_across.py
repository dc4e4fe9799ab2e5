"""Presence channels with members on several nodes."""

from __future__ import annotations

import json

from sockudo_tx.engine.cluster.topics import channel_topic
from sockudo_tx.interfaces import PresenceChange
from sockudo_tx.protocol.bus_frames import presence_frame

from .case import ROOM, ClusterCase, events, told


def presence(place: int, topic: str, frame: bytes) -> bool:
    return frame[1] == 2


class PresenceTests(ClusterCase):
    """Members come and go."""

    def test_S18_everybody(self) -> None:
        """Each newcomer's list holds all before it and itself; each earlier one is told of each newcomer once."""
        clients = [self.cluster[place].client() for place in range(3)]
        for n, client in enumerate(clients):
            (success,) = client.subscribe(ROOM, f"u{n}")
            self.assertEqual(
                json.loads(json.loads(success)["data"])["presence"]["ids"], [f"u{i}" for i in range(n + 1)]
            )
        self.assertEqual([told(c) for c in clients], [[("added", "u1"), ("added", "u2")], [("added", "u2")], []])

    def test_S23_not_itself(self) -> None:
        """Who joins never hears of its own joining, wherever the list comes from."""
        first = self.member(0, "u0")
        own = [self.member(place, f"u{n}") for n, place in enumerate((0, 0, 1, 1, 2), 1)]
        self.assertEqual([user for _, user in told(first)], ["u1", "u2", "u3", "u4", "u5"])
        for n, client in enumerate(own, 1):
            self.assertEqual([user for _, user in told(client)], [f"u{m}" for m in range(n + 1, 6)])

    def test_lost_then_another(self) -> None:
        """A change that never came shows with the next one; the lists are right then."""
        here, there = self.member(0, "u1"), self.member(1, "u2")
        here.take()
        self.cluster.drop(lambda place, topic, frame: place == 0 and presence(place, topic, frame))
        lost = self.member(1, "u3")
        self.cluster.drop(None)
        self.assertEqual(told(here), [])
        there.unsubscribe(ROOM)
        self.assertEqual(sorted(told(here)), [("added", "u3"), ("removed", "u2")])
        self.assertEqual(dict(self.a.engine.cluster_tally.resyncs), {"gap": 1})
        self.assertEqual(told(lost), [("removed", "u2")])

    def test_lost_for_good(self) -> None:
        """Where nothing comes after it, an audit finds it, and asks for nothing that is right."""
        here, there = self.member(0, "u1"), self.member(1, "u2")
        here.take()
        self.cluster.drop(presence)
        there.unsubscribe(ROOM)
        self.cluster.drop(None)
        self.assertEqual(told(here), [])
        self.cluster.advance(80)
        self.assertEqual(told(here), [("removed", "u2")])
        self.assertEqual(dict(self.a.engine.cluster_tally.resyncs), {"audit": 1})
        self.cluster.advance(200)
        self.assertEqual(dict(self.a.engine.cluster_tally.resyncs), {"audit": 1})

    def test_own_change_lost(self) -> None:
        """A new member waits half a second for its own change, then its list is fetched."""
        here = self.member(0, "u1")
        self.cluster.drop(presence)
        newcomer = self.cluster[0].client()
        self.assertEqual(newcomer.subscribe(ROOM, "u2"), [])
        self.cluster.advance(0.4)
        self.assertEqual(newcomer.take(), [])
        self.cluster.advance(0.2)
        ((event, data),) = events(newcomer)
        self.assertEqual((event, data["presence"]["ids"]), ("subscription_succeeded", ["u1", "u2"]))
        self.assertEqual(told(here), [("added", "u2")])

    def test_twice(self) -> None:
        """A change that comes twice is told once."""
        here = self.member(0, "u1")
        change = PresenceChange("app", ROOM, self.cluster.authority.epoch, 1, 2, True, "u2", "{}")
        self.member(1, "u2")
        self.cluster.inject(channel_topic("app", ROOM), presence_frame(*change))
        self.assertEqual(told(here), [("added", "u2")])

    def test_S44_crash(self) -> None:
        """Members of a node that dies are removed, each once; one who is on another node too stays."""
        here = self.member(0, "u1")
        for user_id in ("u2", "u3", "u1"):
            self.member(1, user_id)
        here.take()
        self.cluster.crash(1)
        self.assertEqual(sorted(told(here)), [("removed", "u2"), ("removed", "u3")])
        self.assertEqual(self.c.members(ROOM), ["u1"])
        names = [fact.name for fact in self.cluster.facts()]
        self.cluster.advance(4)
        names += [fact.name for fact in self.cluster.facts()]
        self.assertEqual((names.count("member_removed"), names.count("channel_vacated")), (2, 0))

    def test_gone_while_it_joins(self) -> None:
        """A socket that goes while it waits leaves nothing behind, wherever it was on its way."""
        for turns in range(6):
            client = self.b.client()
            self.b.link.hold()
            client.send({"event": "pusher:subscribe", "data": self._asked(client, "u9")})
            self.b.link.release()
            for _ in range(turns):
                if calls := self.cluster.clock.getDelayedCalls():
                    self.cluster.clock.advance(max(0.0, min(c.getTime() for c in calls) - self.cluster.clock.seconds()))
            client.cut()
            self.cluster.advance(30)
            self.assertEqual((self.a.members(ROOM), self.a.occupied()), ([], []), turns)
        names = [fact.name for fact in self.cluster.facts()]
        self.assertEqual(names.count("channel_occupied"), names.count("channel_vacated"))
        self.assertEqual(names.count("member_added"), names.count("member_removed"))

    def _asked(self, client: object, user_id: str) -> dict[str, str]:
        data = json.dumps({"user_id": user_id})
        return {"channel": ROOM, "channel_data": data, "auth": client.auth(ROOM, data)}  # type: ignore[attr-defined]
