"""Entering and leaving channels: tables, facts, order; with quick backends and slow ones (protocol.md 7, scaling.md 6)."""

from __future__ import annotations

from typing import Any

from sockudo_tx.engine.inbox import MESSAGE_LIMIT
from sockudo_tx.interfaces import ChannelCounts
from sockudo_tx.protocol import messages

from .case import FAILED, FULL, PONG, ROOM, EngineCase, Peer, added, removed, succeeded

SUCCESS: tuple[str, dict[str, Any]] = ("subscription_succeeded", {})


class SubscribeTests(EngineCase):
    """With backends that answer at once"""

    def test_from_then_on(self) -> None:
        """Every event after the success is received, and none after leaving."""
        peer = self.open()
        self.publish("news")
        self.assertEqual(peer.subscribe("news"), [messages.subscription_succeeded("news")])
        self.publish("news")
        self.assertEqual(peer.events(), [("e", "d")])
        peer.unsubscribe("news")
        self.publish("news")
        self.assertEqual(peer.take(), [])

    def test_again(self) -> None:
        """A repeat is answered and counts nothing twice."""
        peer = self.open()
        for _ in range(3):
            self.assertEqual(peer.subscribe("news"), [messages.subscription_succeeded("news")])
        self.publish("news")
        self.assertEqual(len(peer.take()), 1)
        self.assertEqual(self.engine.counts("app", "news"), ChannelCounts(1, None))
        self.assertEqual([fact.name for fact in self.told()], ["channel_occupied"])
        peer.unsubscribe("news")
        self.assertEqual(self.engine.counts("app", "news"), ChannelCounts(0, None))

    def test_one_name(self) -> None:
        """Subscribers share a channel's name: a further subscription does not keep a copy of it."""
        peers = [self.open() for _ in range(2)]
        names = []
        for peer in peers:
            peer.subscribe("news")
            assert peer.socket.session is not None
            names += peer.socket.session.channels
        self.assertIs(names[0], names[1])

    def test_counts(self) -> None:
        """Counts and channel lists are those of the moment."""
        peers = [self.open() for _ in range(3)]
        for peer in peers:
            peer.subscribe("news")
        peers[0].subscribe("private-a")
        self.member("u1")
        self.member("u1")
        self.assertEqual(
            self.engine.channels("app", ""),
            {"news": ChannelCounts(3, None), "private-a": ChannelCounts(1, None), ROOM: ChannelCounts(2, 1)},
        )
        self.assertEqual(list(self.engine.channels("app", "private-")), ["private-a"])
        peers[0].vanish()
        self.assertEqual(self.engine.channels("app", "n"), {"news": ChannelCounts(2, None)})

    def test_user_channel(self) -> None:
        """A user channel is entered and left, and is no channel to anybody else."""
        peer = self.open()
        peer.signin("u1")
        self.assertEqual(peer.subscribe("#server-to-user-u1"), [messages.subscription_succeeded("#server-to-user-u1")])
        self.assertEqual(self.engine.channels("app", ""), {})
        peer.unsubscribe("#server-to-user-u1")
        self.assertEqual(self.told(), [])
        self.publish("#server-to-user-u1")
        self.assertEqual(peer.events(), [("e", "d")])

    def test_refused(self) -> None:
        """A refused subscription leaves no trace."""
        peer = self.open()
        before = self.sizes()
        for data in ({"channel": "private-a", "auth": "key:0"}, {"channel": "a b"}, {"channel": "#server-to-user-u1"}):
            peer.say({"event": "pusher:subscribe", "data": data})
            self.assertEqual([name for name, _ in peer.events()], ["pusher:error"])
        self.assertEqual((self.sizes(), self.told()), (before, []))

    def test_settings_change(self) -> None:
        """The app's record is read again for each command: a secret that changed, an app that was disabled or removed."""
        peer = self.open()
        peer.subscribe("private-a")
        data = peer.signed("private-b")
        self.change_app(secret="other")
        peer.say({"event": "pusher:subscribe", "data": data})
        self.assertEqual(peer.events(), [("pusher:error", 4009)])
        self.change_app(enabled=False)
        other = self.peers[0]
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual((other.events(), other.closed), ([("pusher:error", 4003)], (4003, "Application disabled")))

    def test_removed_app(self) -> None:
        """A connection of an app that is gone is told so at its next command; a ping is answered still."""
        peer = self.open()
        self.store.replace([])
        peer.say({"event": "pusher:ping"})
        self.assertEqual(peer.events(), [PONG])
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4001)], (4001, "Application does not exist")))

    def test_store_down(self) -> None:
        """A store that fails leaves the record last seen."""
        peer = self.open()
        self.apps.failing.add("by_id")
        self.assertEqual(peer.subscribe("private-a"), [messages.subscription_succeeded("private-a")])

    def test_shared_state_down(self) -> None:
        """An authority that fails does not touch local channels; a presence channel cannot be entered, and may be tried again."""
        peer = self.open()
        self.authority.failing.update(("occupy", "count", "vacate", "join"))
        peer.subscribe("news")
        self.publish("news")
        self.assertEqual(peer.events(), [("e", "d")])
        peer.unsubscribe("news")
        peer.say({"event": "pusher:subscribe", "data": peer.signed(ROOM, "u1")})
        self.assertEqual(peer.events(), [FAILED])
        self.authority.failing.clear()
        self.assertEqual(self.engine.members("app", ROOM), [])
        peer.say({"event": "pusher:subscribe", "data": peer.signed(ROOM, "u1")})
        self.assertEqual(peer.events(), [succeeded(("u1", {}))])


class SlowCase(EngineCase):
    """An authority that takes its time over membership."""

    def setUp(self) -> None:
        super().setUp()
        self.authority.hold("join", "part", "snapshot")

    def ask(self, peer: Peer, user_id: str, channel: str = ROOM) -> None:
        peer.say({"event": "pusher:subscribe", "data": peer.signed(channel, user_id)})

    def inside(self, user_id: str) -> Peer:
        peer = self.open()
        self.ask(peer, user_id)
        self.authority.release()
        peer.take()
        return peer


class InboxTests(SlowCase):
    """What a socket says while it waits"""

    def test_order(self) -> None:
        """Everything said while an answer is waited for is taken up in order when it is there."""
        other, peer = self.inside("u1"), self.open()
        self.ask(peer, "u2")
        peer.say({"event": "pusher:ping"})
        peer.say({"event": "client-x", "channel": ROOM, "data": 1})
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        peer.say("nonsense")
        peer.say({"event": "pusher:unsubscribe", "data": {"channel": ROOM}})
        peer.say({"event": "pusher:ping"})
        self.assertEqual((peer.take(), other.take()), ([], []))
        self.authority.release()
        self.assertEqual(
            peer.events(), [succeeded(("u1", {}), ("u2", {})), PONG, SUCCESS, ("pusher:error", 4000), PONG]
        )
        self.assertEqual(other.events(), [added("u2"), ("client-x", 1), removed("u2")])

    def test_waiting_again(self) -> None:
        """A message from the inbox that has to wait itself holds up the rest."""
        peer = self.open()
        for channel in (ROOM, "presence-s"):
            self.ask(peer, "u1", channel)
            peer.say({"event": "pusher:ping"})
        self.authority.release(2)
        first = [*succeeded(("u1", {}))]
        self.assertEqual(peer.events(), [tuple(first), PONG])
        self.assertEqual(self.authority.waiting, ["join"])
        self.authority.release()
        self.assertEqual(peer.events(), [tuple(first), PONG])

    def test_others_are_not_held_up(self) -> None:
        """Only the socket that waits waits, also in the same channel."""
        inside, peer = self.inside("u1"), self.open()
        self.ask(peer, "u2")
        inside.say({"event": "pusher:ping"})
        other = self.open()
        other.subscribe("news")
        self.publish("news", ROOM)
        self.assertEqual(inside.events(), [PONG, ("e", "d")])
        self.assertEqual(other.events(), [("e", "d")])
        self.assertEqual(peer.events(), [])

    def test_events_while_waiting(self) -> None:
        """Events of channels the socket is in reach it while it waits; those of the one it enters only afterwards."""
        self.inside("u1")
        peer = self.open()
        peer.subscribe("news")
        self.ask(peer, "u2")
        self.publish("news", ROOM)
        self.assertEqual(peer.events(), [("e", "d")])
        self.authority.release()
        self.publish(ROOM)
        self.assertEqual(peer.events(), [succeeded(("u1", {}), ("u2", {})), ("e", "d")])

    def test_bound(self) -> None:
        """Whoever says too much while it waits is closed, and leaves nothing."""
        other, peer = self.inside("u1"), self.open()
        self.ask(peer, "u2")
        for _ in range(MESSAGE_LIMIT):
            peer.say({"event": "pusher:ping"})
        self.assertIsNone(peer.closed)
        peer.say({"event": "pusher:ping"})
        self.assertEqual((peer.events(), peer.closed), ([("pusher:error", 4100)], (4100, "Over capacity")))
        self.authority.release()
        self.assertEqual((peer.take(), other.events()), ([], [added("u2"), removed("u2")]))
        self.assertEqual(self.authority.inner.snapshot("app", ROOM).members.keys(), {"u1"})

    def test_long_inbox(self) -> None:
        """A full inbox of messages that each have to wait is worked off, however long."""
        self.apps.hold("by_id")
        peer = self.open()
        for number in range(MESSAGE_LIMIT):
            peer.say({"event": "pusher:subscribe", "data": {"channel": f"c{number}"}})
        self.apps.release()
        told = peer.take()
        self.assertEqual(told, [messages.subscription_succeeded(f"c{n}") for n in range(MESSAGE_LIMIT)])

    def test_closed_by_a_message(self) -> None:
        """What stands in the inbox behind the message that closes the connection is dropped."""
        peer = self.open()
        self.ask(peer, "u1")
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        peer.say({"event": "pusher:ping"})
        self.change_app(enabled=False)
        self.authority.release()
        self.assertEqual([name for name, _ in peer.events()], ["subscription_succeeded", "pusher:error"])
        self.assertEqual(peer.closed, (4003, "Application disabled"))

    def test_bug(self) -> None:
        """A bug that shows after a wait is logged, told without detail, and costs neither the connection nor its inbox."""
        peer = self.open()
        self.ask(peer, "u1")
        peer.say({"event": "pusher:ping"})
        self.facts.emit = None  # type: ignore[assignment]
        self.authority.release()
        del self.facts.emit
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(peer.events(), [FAILED, PONG])


class LeavingWhileWaitingTests(SlowCase):
    """A socket that goes away while an answer is on its way"""

    def test_any_moment(self) -> None:
        """Whenever it goes, others end up where they were, and no table keeps it."""
        other = self.inside("u1")
        for steps in range(4):
            peer = self.open()
            self.ask(peer, "u2")
            self.authority.release(steps)
            peer.take()
            peer.vanish()
            self.authority.release()
            view: list[Any] = other.events()
            self.assertIn(view, ([], [added("u2"), removed("u2")]), steps)
            self.assertEqual(peer.take(), [])
            self.assertEqual(self.authority.inner.snapshot("app", ROOM).members.keys(), {"u1"})
            self.assertEqual(self.engine.stats().totals.connections, 1)

    def test_cold_channel(self) -> None:
        """The same when nobody else is there."""
        for steps in range(4):
            peer = self.open()
            self.ask(peer, "u2")
            self.authority.release(steps)
            peer.vanish()
            self.authority.release()
            self.assertEqual(self.authority.inner.channels("app", ""), {}, steps)
            self.assertEqual(self.authority.inner.snapshot("app", ROOM).members, {}, steps)

    def test_while_changing(self) -> None:
        """A socket that goes while it changes its identity leaves neither behind, refused or not."""
        for limit in (0, 2):
            self.change_app(max_presence_members_per_channel=limit)
            for steps in range(5):
                other, tab, peer = self.inside("u1"), self.inside("u2"), self.inside("u2")
                self.ask(peer, "u3")
                self.authority.release(steps)
                peer.vanish()
                tab.vanish()
                self.authority.release()
                self.assertEqual(self.authority.inner.snapshot("app", ROOM).members.keys(), {"u1"}, (limit, steps))
                other.vanish()
                self.authority.release()
                self.advance(0.1)  # so that they are not a crowd, which would wait

    def test_facts(self) -> None:
        """Who was a member for a moment was added and removed for webhooks as well."""
        for steps in range(3):
            peer = self.open()
            self.ask(peer, "u1")
            self.authority.release(steps)
            peer.vanish()
            self.authority.release()
            self.advance(5)
            facts = [fact.name for fact in self.told("member_added", "member_removed")]
            self.assertEqual(facts, ["member_added", "member_removed"], steps)


class SlowChangeTests(SlowCase):
    """Changing one's identity while others come and go"""

    def test_refused(self) -> None:
        """A socket that stays who it was has missed nothing, not even about the one it wanted to be."""
        self.change_app(max_presence_members_per_channel=2)
        self.inside("u1")
        peer = self.inside("u1")
        self.elsewhere("u3")
        self.assertEqual(peer.events(), [added("u3")])
        self.ask(peer, "u3")
        self.authority.release(1)
        self.authority.inner.part("app", ROOM, "other", "u3")
        self.elsewhere("u4")
        peer.say({"event": "pusher:ping"})
        self.authority.release(1)
        self.assertEqual(peer.events(), [added("u4")])
        self.authority.release()
        self.assertEqual(peer.events(), [removed("u3"), FULL, PONG])
        self.authority.inner.reap("other")
        self.elsewhere("u3")
        self.assertEqual(peer.events(), [removed("u4"), added("u3")])
        self.authority.inner.reap("other")

    def test_taken_place(self) -> None:
        """When somebody else took the place meanwhile the socket has it back, whatever the limit."""
        self.change_app(max_presence_members_per_channel=1)
        peer = self.inside("u1")
        self.ask(peer, "u2")
        self.authority.release(1)
        self.elsewhere("u3")
        self.authority.release()
        self.assertEqual(peer.events(), [added("u3"), FULL])
        self.assertEqual(self.authority.inner.snapshot("app", ROOM).members.keys(), {"u3", "u1"})
        self.authority.inner.reap("other")
        self.assertEqual(peer.events(), [removed("u3")])

    def elsewhere(self, user_id: str) -> None:
        """Somebody on another node joins."""
        self.authority.inner.join("app", ROOM, "other", user_id, user_id, "{}", 0)


class FailingTests(SlowCase):
    """An authority that fails in the middle"""

    def test_join(self) -> None:
        """A join that fails is told, leaves nothing, and may be tried again."""
        other, peer = self.inside("u1"), self.open()
        self.authority.failing.add("join")
        self.ask(peer, "u2")
        self.authority.release()
        self.assertEqual(peer.events(), [FAILED])
        self.authority.failing.clear()
        self.ask(peer, "u2")
        self.authority.release()
        self.assertEqual(peer.events(), [succeeded(("u1", {}), ("u2", {}))])
        self.assertEqual(other.events(), [added("u2")])

    def test_member_list(self) -> None:
        """When the member list cannot be had the join is undone."""
        peer = self.open()
        self.authority.failing.add("snapshot")
        self.ask(peer, "u1")
        self.authority.release()
        self.assertEqual(peer.events(), [FAILED])
        self.assertEqual(self.authority.inner.snapshot("app", ROOM).members, {})
        self.assertEqual(self.engine.stats().totals.channels, 0)
        self.authority.failing.clear()
        self.ask(peer, "u2")
        self.authority.release()
        self.assertEqual(peer.events(), [succeeded(("u2", {}))])

    def test_change_of_identity(self) -> None:
        """When a new identity cannot be had the socket stays who it was and hears what follows."""
        other, peer = self.inside("u1"), self.inside("u2")
        other.take()
        self.authority.failing.add("join")
        self.ask(peer, "u3")
        self.authority.release(2)
        self.authority.failing.clear()
        self.authority.release()
        self.assertEqual(peer.events(), [FAILED])
        self.assertEqual(self.authority.inner.snapshot("app", ROOM).members.keys(), {"u1", "u2"})
        self.inside("u4")
        self.assertEqual(peer.events(), [added("u4")])
        other.take()
        peer.vanish()
        self.authority.release()
        self.assertEqual(other.events(), [removed("u2")])
