"""Connections: who is admitted, and what they are told who are not."""

from __future__ import annotations

import json

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

    def test_no_answer(self) -> None:
        """Who is let in by neither app store nor authority for ten seconds is asked to come back later, and uncounted."""
        for held, operation in ((self.apps, "by_key"), (self.authority, "conn_open")):
            held.hold(operation)
            peer = self.connect()
            self.advance(9.5)
            self.assertEqual((peer.take(), peer.closed), ([], None))
            self.advance(0.75)
            self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4100)], STORE_DOWN))
            held.free()
            self.assertEqual(peer.take(), [])
            peer.vanish()

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
        done = self.engine.drain(0)
        self.assertNoResult(done)
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
