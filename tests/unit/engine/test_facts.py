"""Facts for webhooks: what is told, when, and what a short absence suppresses (scaling.md 6.6, http-api.md 12)."""

from __future__ import annotations

from sockudo_tx.interfaces import Fact
from sockudo_tx.testing import fixture_app

from .case import GRACE, ROOM, EngineCase, Peer

OCCUPIED, VACATED = Fact("channel_occupied", "news"), Fact("channel_vacated", "news")


def came(user_id: str) -> Fact:
    return Fact("member_added", ROOM, user_id=user_id)


def went(user_id: str) -> Fact:
    return Fact("member_removed", ROOM, user_id=user_id)


class FactCase(EngineCase):
    """Without counts, which have a test of their own."""

    def setUp(self) -> None:
        super().setUp()
        self.facts.wants = lambda app, name: name != "subscription_count"  # type: ignore[method-assign]

    def subscriber(self, channel: str = "news") -> Peer:
        peer = self.open()
        peer.subscribe(channel)
        return peer


class OccupationTests(FactCase):
    """Channels"""

    def test_first_and_last(self) -> None:
        """Occupied at once with the first subscriber, vacated three seconds after the last."""
        first, second = self.subscriber(), self.subscriber()
        self.assertEqual(self.told(), [OCCUPIED])
        first.vanish()
        self.advance(10)
        self.assertEqual(self.told(), [])
        second.unsubscribe("news")
        self.advance(GRACE - 0.1)
        self.assertEqual(self.told(), [])
        self.advance(0.2)
        self.assertEqual(self.told(), [VACATED])
        self.advance(60)
        self.assertEqual((self.told(), self.clock.getDelayedCalls()[1:]), ([], []))

    def test_short_absence(self) -> None:
        """A channel that is left and entered again within three seconds is neither vacated nor occupied."""
        for _ in range(3):
            self.subscriber().vanish()
            self.advance(GRACE - 0.5)
        self.assertEqual(self.told(), [OCCUPIED])
        self.advance(1)
        self.assertEqual(self.told(), [VACATED])
        self.subscriber()
        self.assertEqual(self.told(), [OCCUPIED])

    def test_one_timer(self) -> None:
        """However many things are in their grace, one timer waits for the first of them."""
        peers = [self.subscriber(f"c{n}") for n in range(20)]
        for peer in peers:
            peer.vanish()
            self.advance(0.01)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.told()
        self.advance(GRACE)
        self.assertEqual([fact.channel for fact in self.told()], [f"c{n}" for n in range(20)])

    def test_apps_apart(self) -> None:
        """Facts go to the app they belong to, also when its last connection has gone."""
        self.serve(fixture_app(id="other", key="other"))
        here, there = self.open(), self.open("other")
        here.subscribe("news")
        there.subscribe("news")
        there.vanish()
        self.advance(GRACE)
        facts = [(app_id, fact.name) for app_id, fact in self.facts.seen if fact.name != "subscription_count"]
        self.assertEqual(
            facts, [("app", "channel_occupied"), ("other", "channel_occupied"), ("other", "channel_vacated")]
        )

    def test_app_gone(self) -> None:
        """Of an app that was removed meanwhile nothing is told."""
        self.subscriber().vanish()
        self.told()
        self.store.replace([])
        self.advance(GRACE)
        self.assertEqual(self.told(), [])

    def test_unwanted(self) -> None:
        """What no webhook wants is not told."""
        self.facts.wants = lambda app, name: name == "channel_vacated"  # type: ignore[method-assign]
        self.subscriber().vanish()
        self.advance(GRACE)
        self.assertEqual(self.told(), [VACATED])


class MemberTests(FactCase):
    """Members of presence channels"""

    def test_first_and_last(self) -> None:
        """Added with the first connection, removed three seconds after the last; clients are told at once."""
        first, second = self.member("u1"), self.member("u1")
        self.assertEqual(self.told("member_added", "member_removed"), [came("u1")])
        other = self.member("u2")
        first.vanish()
        second.vanish()
        self.assertEqual([name for name, _ in other.events()], ["member_removed"])
        self.assertEqual(self.told(), [came("u2")])
        self.advance(GRACE)
        self.assertEqual(self.told(), [went("u1")])

    def test_short_absence(self) -> None:
        """Who is back within three seconds was never away, for webhooks; clients saw it go and come."""
        other, peer = self.member("u1"), self.member("u2")
        other.take()
        self.told()
        peer.vanish()
        self.advance(GRACE - 0.5)
        self.member("u2")
        self.advance(60)
        self.assertEqual(self.told(), [])
        self.assertEqual([name for name, _ in other.events()], ["member_removed", "member_added", "pusher:ping"][:2])

    def test_change_of_identity(self) -> None:
        """The new member is added at once, the old one removed after its grace, unless it is back."""
        peer = self.member("u1")
        self.told()
        peer.subscribe(ROOM, "u2")
        self.assertEqual(self.told(), [came("u2")])
        peer.subscribe(ROOM, "u1")
        self.advance(GRACE)
        self.assertEqual(self.told(), [went("u2")])

    def test_slow_authority(self) -> None:
        """The grace is looked at when the authority has taken the leaving in, however late."""
        self.authority.hold("part", "vacate")
        self.member("u1").vanish()
        self.told()
        self.advance(10)
        self.assertEqual(self.told(), [])
        self.authority.release()
        self.advance(GRACE)
        self.assertEqual(self.told(), [went("u1"), Fact("channel_vacated", ROOM)])

    def test_due_fails(self) -> None:
        """An authority that fails is asked again after a while, and not in between."""
        self.authority.hold("due")
        self.authority.failing.add("due")
        self.member("u1").vanish()
        self.told()
        for _ in range(10):
            self.advance(GRACE)
            self.authority.release()
        self.assertEqual(self.told(), [])
        self.assertLess(len(self.authority.asked), 12)
        self.authority.failing.clear()
        self.advance(1)
        self.authority.release()
        self.assertEqual(self.told(), [went("u1"), Fact("channel_vacated", ROOM)])

    def test_due_takes_time(self) -> None:
        """While an answer is on its way nobody asks again."""
        self.authority.hold("due")
        first, second = self.member("u1"), self.member("u2")
        first.vanish()
        self.told()
        self.advance(GRACE + 1)
        second.vanish()
        self.advance(GRACE + 1)
        self.assertEqual(self.authority.asked, ["due"])
        self.authority.release(1)
        self.advance(1)
        self.authority.release()
        self.assertEqual(self.told(), [went("u1"), went("u2"), Fact("channel_vacated", ROOM)])


class ClientEventTests(FactCase):
    """Client events"""

    def test_members(self) -> None:
        """The data is always text: a string's own characters or compact JSON; absent stays absent."""
        peer = self.member("u1")
        peer.subscribe("private-a")
        self.told()
        for data, text in [('{ "n": 1.0 }', '{"n":1.0}'), ('"te\\u0078t"', "text"), ("null", "null"), (None, None)]:
            member = f',"data":{data}' if data is not None else ""
            for channel, user_id in (("private-a", None), (ROOM, "u1")):
                peer.say(f'{{"event":"client-x","channel":"{channel}"{member}}}')
                self.assertEqual(
                    self.told(), [Fact("client_event", channel, user_id, "client-x", text, socket_id=peer.id)]
                )

    def test_refused(self) -> None:
        """A refused event is no fact."""
        peer = self.subscriber()
        self.told()
        peer.say({"event": "client-x", "channel": "news", "data": 1})
        self.assertEqual(self.told(), [])
