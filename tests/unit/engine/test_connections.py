"""Connections: who is admitted, how one is kept alive and how it ends."""

from __future__ import annotations

import json

from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.protocol import messages
from sockudo_tx.testing import fixture_app

from .case import EngineCase, Peer

NOT_FOUND = (4001, "Application does not exist")
DISABLED = (4003, "Application disabled")
OVER_QUOTA = (4004, "Application is over connection quota")
BAD_ORIGIN = (4009, "Origin not allowed")
STORE_DOWN = (4100, "Internal server error: App lookup failed")
SHUTTING_DOWN = (4200, "Server shutting down")


class AdmissionTests(EngineCase):
    """Checks in order, protocol.md 1.5"""

    def assertRefused(self, peer: Peer, fault: tuple[int, str]) -> None:
        """The error and then the close, with the same words; nothing else, ever."""
        expected = {"event": "pusher:error", "data": {"code": fault[0], "message": fault[1]}}
        self.assertEqual([json.loads(text) for text in peer.take()], [expected])
        self.assertEqual(peer.closed, fault)
        peer.say({"event": "pusher:ping"})
        self.assertEqual(peer.take(), [])

    def test_established(self) -> None:
        """The first message is the establishment, with a socket id and the activity timeout; then everything works."""
        peer = self.connect()
        self.assertEqual(peer.take(), [messages.connection_established(peer.id, 120)])
        peer.say({"event": "pusher:ping"})
        self.assertEqual(peer.take(), [messages.PONG])
        self.assertEqual((peer.socket.app_id, peer.closed), ("app", None))

    def test_unknown_key(self) -> None:
        """An unknown key is refused; the app's id is no key."""
        for key in ("app", "KEY", ""):
            self.assertRefused(self.connect(key), NOT_FOUND)

    def test_disabled(self) -> None:
        """A disabled app is refused before its origins are looked at."""
        self.change_app(enabled=False, allowed_origins=("https://a.example",))
        self.assertRefused(self.connect(), DISABLED)

    def test_origin(self) -> None:
        """A page from elsewhere is refused before the quota is looked at, and counts nothing."""
        self.change_app(allowed_origins=("https://a.example",), max_connections=1)
        for origin in ("https://b.example", None):
            self.assertRefused(self.connect(origin=origin), BAD_ORIGIN)
        self.assertIsNone(self.connect(origin="https://a.example").closed)
        self.assertRefused(self.connect(origin="https://b.example"), BAD_ORIGIN)

    def test_quota(self) -> None:
        """One more than the app may have is refused; a place is free again once somebody has gone."""
        self.change_app(max_connections=2)
        first, second = self.open(), self.open()
        self.assertRefused(self.connect(), OVER_QUOTA)
        first.vanish()
        self.open()
        self.assertRefused(self.connect(), OVER_QUOTA)
        self.assertIsNone(second.closed)

    def test_quota_counts_the_admitted_only(self) -> None:
        """Refused connections that stay open for a while take no place."""
        self.change_app(max_connections=1)
        self.open().vanish()
        for _ in range(3):
            self.open().vanish()

    def test_other_app(self) -> None:
        """Apps have their own quotas, channels and sockets."""
        self.serve(fixture_app(id="other", key="other", max_connections=1), max_connections=1)
        here, there = self.open(), self.open("other")
        here.subscribe("news")
        there.subscribe("news")
        self.publish("news")
        self.assertEqual((len(here.take()), len(there.take())), (1, 0))

    def test_uncounted(self) -> None:
        """When the authority cannot count, those who are here decide; none of them is lost in the count."""
        self.change_app(max_connections=2)
        self.authority.failing.add("conn_open")
        peers = [self.open(), self.open()]
        self.assertRefused(self.connect(), OVER_QUOTA)
        self.authority.failing.clear()
        for peer in peers:
            peer.vanish()
        self.open()
        self.open()
        self.assertRefused(self.connect(), OVER_QUOTA)

    def test_store_down(self) -> None:
        """A store that fails is told as such, with a code that brings clients back."""
        self.apps.failing.add("by_key")
        self.assertRefused(self.connect(), STORE_DOWN)


class SlowAdmissionTests(EngineCase):
    """The same when the app store or the authority takes its time"""

    def test_nothing_is_lost(self) -> None:
        """What the client says meanwhile is heard, in order, after the establishment."""
        self.apps.hold("by_key")
        self.authority.hold("conn_open")
        peer = self.connect()
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.apps.release()
        peer.say({"event": "pusher:ping"})
        self.assertEqual(peer.take(), [])
        self.authority.release()
        self.assertEqual(
            peer.take(),
            [
                messages.connection_established(peer.id, 120),
                messages.subscription_succeeded("news"),
                messages.PONG,
            ],
        )

    def test_others_are_not_held_up(self) -> None:
        """Only the connection that waits waits."""
        lively = self.open()
        self.apps.hold("by_key")
        waiting = self.connect()
        lively.say({"event": "pusher:ping"})
        self.assertEqual(lively.take(), [messages.PONG])
        self.assertEqual(waiting.take(), [])

    def test_refused_late(self) -> None:
        """Refusals are the same, and what was said meanwhile is dropped."""
        self.change_app(max_connections=1)
        self.open()
        self.apps.hold("by_key")
        for key, fault in (("nobody", NOT_FOUND), ("key", OVER_QUOTA)):
            peer = self.connect(key)
            peer.say({"event": "pusher:ping"})
            self.apps.release()
            self.assertEqual((peer.events(), peer.closed), ([("pusher:error", fault[0])], fault))

    def test_store_down_late(self) -> None:
        """A store that fails late is told as such."""
        self.apps.hold("by_key")
        self.apps.failing.add("by_key")
        peer = self.connect()
        self.apps.release()
        self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4100)], STORE_DOWN))

    def test_gone_while_the_app_is_looked_up(self) -> None:
        """A connection that went away meanwhile is never counted."""
        self.apps.hold("by_key")
        peer = self.connect()
        peer.vanish()
        self.authority.hold("conn_open")
        self.apps.release()
        self.assertEqual(self.authority.asked, [])
        self.assertEqual((peer.take(), peer.closed), ([], None))

    def test_uncounted_late(self) -> None:
        """An authority that fails late admits whoever is still there."""
        self.authority.hold("conn_open")
        self.authority.failing.add("conn_open")
        gone, stays = self.connect(), self.connect()
        gone.vanish()
        self.authority.release()
        self.assertEqual((gone.take(), [name for name, _ in stays.events()]), ([], ["connection_established"]))

    def test_gone_while_counted(self) -> None:
        """A connection that went away while it was counted gives its place back."""
        self.change_app(max_connections=1)
        self.authority.hold("conn_open")
        peer = self.connect()
        peer.vanish()
        self.authority.free()
        self.assertEqual((peer.take(), peer.closed), ([], None))
        self.open()

    def test_gone_while_refused(self) -> None:
        """Nothing is sent to a connection that went away before it was refused."""
        self.change_app(max_connections=1)
        self.open()
        self.authority.hold("conn_open")
        peer = self.connect()
        peer.vanish()
        self.authority.release()
        self.assertEqual((peer.take(), peer.closed), ([], None))

    def test_drained_while_waiting(self) -> None:
        """A connection that was closed while it waited is not established any more, and keeps no place."""
        self.apps.hold("by_key")
        self.authority.hold("conn_open")
        early = self.connect()
        self.apps.release()
        late = self.connect()
        self.engine.drain(0)
        self.apps.release()
        self.authority.release()
        for peer in (early, late):
            self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4200)], SHUTTING_DOWN))
        self.assertEqual(self.engine.stats().apps, {})
        self.assertEqual(self.authority.tables()["authority.apps"], 0)

    def test_too_much_meanwhile(self) -> None:
        """Whoever says more than a thousand messages while it waits is closed, and is not established later."""
        self.apps.hold("by_key")
        peer = self.connect()
        for _ in range(1000):
            peer.say({"event": "pusher:ping"})
        self.assertIsNone(peer.closed)
        peer.say({"event": "pusher:ping"})
        self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4100)], (4100, "Over capacity")))
        self.apps.release()
        self.assertEqual((peer.take(), self.engine.stats().apps), ([], {}))


class LivenessTests(EngineCase):
    """protocol.md 5; the arithmetic is tested with `Liveness`"""

    def test_silence(self) -> None:
        """A silent client is pinged after the activity timeout and closed when no answer comes."""
        peer = self.open()
        self.advance(119.9)
        self.assertEqual(peer.take(), [])
        self.advance(0.4)
        self.assertEqual(peer.take(), [messages.PING])
        self.advance(29)
        self.assertIsNone(peer.closed)
        self.advance(2)
        self.assertEqual(
            (peer.events(), peer.closed), ([("pusher:error", 4201)], (4201, "Pong reply not received in time"))
        )

    def test_anything_heard_counts(self) -> None:
        """Any message and any frame proves life, also one that makes no sense."""
        for sign in ("nonsense", '{"event":"pusher:pong"}', None):
            peer = self.open()
            self.advance(125)
            self.assertEqual(peer.take(), [messages.PING])
            if sign is None:
                self.engine.alive(peer.socket)
            else:
                peer.say(sign)
            peer.take()
            self.advance(119)
            self.assertEqual((peer.take(), peer.closed), ([], None))
            self.advance(2)
            self.assertEqual(peer.take(), [messages.PING])
            peer.vanish()

    def test_outbound_does_not_count(self) -> None:
        """What we send proves nothing."""
        peer = self.open()
        peer.subscribe("news")
        for _ in range(16):
            self.advance(10)
            self.publish("news")
        self.assertEqual(peer.closed, (4201, "Pong reply not received in time"))

    def test_native_ping(self) -> None:
        """The transport is told to ping at its own pace, and its silence has no effect of its own."""
        self.serve(settings=EngineSettings(idle_timeout=0))
        peer = self.open()
        for _ in range(6):
            self.advance(50)
            peer.say({"event": "pusher:ping"})
        self.assertEqual((peer.sink.pings, peer.closed), (5, None))

    def test_sign_in_deadline(self) -> None:
        """Whoever neither signs in nor enters a signed channel in time is closed."""
        self.serve(settings=self.settings._replace(user_authentication_timeout=60))
        stranger, public, private, present, user = (self.open() for _ in range(5))
        stranger.say("nonsense")
        public.subscribe("news")
        private.subscribe("private-cache-a")
        private.unsubscribe("private-cache-a")
        present.subscribe("presence-r", "u1")
        user.signin("u1")
        self.advance(61)
        late = (4009, "Connection not authorized within timeout.")
        closes = [peer.closed for peer in (stranger, public, private, present, user)]
        self.assertEqual(closes, [late, late, None, None, None])

    def test_no_sign_in_deadline(self) -> None:
        """Apps without user authentication have no such deadline."""
        self.serve(settings=self.settings._replace(user_authentication_timeout=60), enable_user_authentication=False)
        peer = self.open()
        self.advance(100)
        self.assertIsNone(peer.closed)

    def test_crowd(self) -> None:
        """Thousands with the same deadline are all met."""
        peers = [self.open() for _ in range(4500)]
        self.advance(120.25)
        self.assertEqual({tuple(peer.take()) for peer in peers}, {(messages.PING,)})


class EndTests(EngineCase):
    """protocol.md 19"""

    def test_every_table(self) -> None:
        """A connection that goes away leaves nothing in any table, whatever it did."""
        for how in ("vanish", "close", "time"):
            peer = self.open()
            for channel in ("news", "private-a", "cache-c", "private-cache-c"):
                peer.subscribe(channel)
            peer.subscribe("presence-r", "u1")
            peer.subscribe("presence-s", "u2")
            peer.signin("u1", ["u2", "u1"])
            peer.subscribe("#server-to-user-u1")
            if how == "vanish":
                peer.vanish()
            elif how == "close":
                self.engine.terminate_user("app", "u1")
            else:
                self.advance(200)
            self.assertEqual(self.engine.stats().apps, {}, how)
            if how != "vanish":
                self.assertIsNotNone(peer.closed)
                peer.vanish()
            self.advance(10)
            self.assertEqual(self.left_behind(), {}, how)

    def test_twice(self) -> None:
        """The end is told once: leaving again changes nothing and gives no second place back."""
        self.change_app(max_connections=2)
        first, second = self.open(), self.open()
        for _ in range(3):
            self.engine.disconnected(first.socket)
        self.open()
        self.assertEqual(self.connect().closed, OVER_QUOTA)
        self.assertIsNone(second.closed)

    def test_deaf_after_the_close(self) -> None:
        """After the close nothing that arrives has an effect, and everybody else forgot it at once."""
        peer, other = self.member("u1"), self.member("u2")
        other.subscribe("private-a")
        peer.subscribe("private-a")
        peer.take()
        peer.signin("u1")
        self.engine.terminate_user("app", "u1")
        self.assertEqual(other.events(), [("member_removed", {"user_id": "u1"})])
        peer.say({"event": "client-x", "channel": "private-a", "data": 1})
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        peer.say("nonsense")
        self.publish("news")
        self.assertEqual(other.take(), [])
        self.assertEqual(peer.events(), [("pusher:error", 4009)])
        self.engine.terminate_user("app", "u1")
        self.assertEqual(peer.closed, (4009, "You got disconnected by the app."))

    def test_sinks_that_give_up(self) -> None:
        """A connection that ends while it is pushed to does not disturb the delivery to the others."""
        peers = [self.member(f"u{n}") for n in range(4)]
        for peer in peers:
            peer.subscribe("news")
            peer.take()
        peers[1].sink.full = peers[1].vanish
        self.publish("news")
        self.assertEqual([len(peer.sink.ordinary) for peer in peers], [1, 1, 1, 1])
        for peer in (peers[0], peers[2], peers[3]):
            self.assertEqual(sorted(name for name, _ in peer.events()), ["e", "member_removed"])


class DrainTests(EngineCase):
    """protocol.md 19.2, scaling.md 10"""

    def test_everybody(self) -> None:
        """Everybody is closed with 4200, newcomers too, and the drain is over when every transport has gone."""
        peers = [self.open() for _ in range(3)]
        done = self.engine.drain(5)
        self.assertTrue(self.engine.draining)
        peers.append(self.connect())
        for peer in peers:
            self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4200)], SHUTTING_DOWN))
        for peer in peers:
            self.assertNoResult(done)
            peer.vanish()
        self.successResultOf(done)

    def test_nobody(self) -> None:
        """With nobody connected it is over at once."""
        self.successResultOf(self.engine.drain(5))

    def test_spread(self) -> None:
        """A crowd is closed over the given time, and nobody twice."""
        peers = [self.open() for _ in range(1000)]
        done = self.engine.drain(1)
        closed = []
        for _ in range(12):
            closed.append(sum(peer.closed is not None for peer in peers))
            self.advance(0.1)
        self.assertEqual(closed[:10], [100 * n for n in range(1, 11)])
        for peer in peers:
            peer.vanish()
        self.successResultOf(done)

    def test_all_gone_before_their_turn(self) -> None:
        """When everybody has gone by themselves the drain is over, and no timer is left."""
        peers = [self.open() for _ in range(1000)]
        done = self.engine.drain(1)
        for peer in peers:
            peer.vanish()
        self.successResultOf(done)
        self.advance(0.1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asked_twice(self) -> None:
        """A second drain is over together with the first, and closes nobody again."""
        peer = self.open()
        first, second = self.engine.drain(5), self.engine.drain(0)
        self.assertEqual(peer.closed, SHUTTING_DOWN)
        peer.vanish()
        self.successResultOf(first)
        self.successResultOf(second)

    def test_closing_already(self) -> None:
        """Whoever is being closed for another reason keeps that reason."""
        peer = self.connect("nobody")
        self.engine.drain(0)
        self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4001)], NOT_FOUND))

    def test_facts(self) -> None:
        """What was in its grace is told at the end, and pending counts are forgotten."""
        peer = self.member("u1")
        peer.subscribe("news")
        self.told()
        done = self.engine.drain(0)
        peer.vanish()
        self.successResultOf(done)
        self.assertEqual(
            [(fact.name, fact.channel) for fact in self.told()],
            [("member_removed", "presence-r"), ("channel_vacated", "presence-r"), ("channel_vacated", "news")],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
