"""Connections: how one is kept alive and how it ends."""

from __future__ import annotations

from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.protocol import messages

from .case import EngineCase

NOT_FOUND = (4001, "Application does not exist")
OVER_QUOTA = (4004, "Application is over connection quota")
SHUTTING_DOWN = (4200, "Server shutting down")


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
        self.assertNoResult(done)  # a crowd is taken out of the tables in slices
        self.advance(0.1)
        self.successResultOf(done)
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
        done = self.engine.drain(0)
        self.assertNoResult(done)
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
