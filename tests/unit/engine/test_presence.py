"""Presence: member lists, who is told of whom, and changing one's identity (protocol.md 7.4, 9)."""

from __future__ import annotations

from typing import Any

from .case import FULL, ROOM, EngineCase, added, removed, succeeded


class MemberTests(EngineCase):
    """Joining and leaving"""

    def test_list(self) -> None:
        """Who joins is given the whole list, itself included, in join order; the others are told of it."""
        first = self.open()
        first.subscribe(ROOM, "u1", {"n": 1})
        second = self.open()
        second.say({"event": "pusher:subscribe", "data": second.signed(ROOM, "u2", "two")})
        self.assertEqual(second.events(), [succeeded(("u1", {"n": 1}), ("u2", "two"))])
        self.assertEqual(first.events(), [added("u2", "two")])

    def test_tabs(self) -> None:
        """A user's further connections are no news, and keep it in the channel; its first info stays."""
        other, tab = self.member("u1"), self.member("u2", info=1)
        self.assertEqual(other.events(), [added("u2", 1)])
        second = self.open()
        second.say({"event": "pusher:subscribe", "data": second.signed(ROOM, "u2", 2)})
        self.assertEqual(second.events(), [succeeded(("u1", {}), ("u2", 1))])
        tab.unsubscribe(ROOM)
        self.assertEqual((other.events(), tab.events()), ([], []))
        second.vanish()
        self.assertEqual((other.events(), tab.events()), ([removed("u2")], []))

    def test_every_way_out(self) -> None:
        """Unsubscribing, disconnecting, termination and silence all end a membership the same way."""
        stays = self.member("u0")
        stays.subscribe("private-a")
        leaving = [self.member(f"u{n}") for n in range(1, 5)]
        leaving[2].signin("x")
        stays.take()
        leaving[0].unsubscribe(ROOM)
        self.assertEqual(stays.events(), [removed("u1")])
        leaving[1].vanish()
        self.assertEqual(stays.events(), [removed("u2")])
        self.engine.terminate_user("app", "x")
        self.assertEqual(stays.events(), [removed("u3")])
        self.advance(100)
        stays.say({"event": "pusher:ping"})
        self.advance(60)
        self.assertEqual([e for e in stays.events() if e[0] == "member_removed"], [removed("u4")])

    def test_identity_per_channel(self) -> None:
        """A socket may be somebody else in every channel and as a signed-in user."""
        watcher = self.member("w")
        watcher.subscribe("presence-s", "w")
        peer = self.member("u1")
        peer.subscribe("presence-s", "u2")
        peer.signin("u3")
        watcher.take()
        peer.vanish()
        self.assertEqual(watcher.events(), [removed("u1"), removed("u2")])

    def test_again(self) -> None:
        """Subscribing again gives the list as it is now, tells nobody, and is no question of room."""
        self.change_app(max_presence_members_per_channel=2)
        first, second = self.member("u1", info=1), self.member("u2")
        first.take()
        self.change_app(max_presence_members_per_channel=1)
        first.say({"event": "pusher:subscribe", "data": first.signed(ROOM, "u1", "other info")})
        self.assertEqual(first.events(), [succeeded(("u1", 1), ("u2", {}))])
        self.assertEqual(second.events(), [])
        first.vanish()
        self.assertEqual(second.events(), [removed("u1")])

    def test_full(self) -> None:
        """A full channel refuses new users and nothing else happens; another tab of a member is welcome."""
        self.change_app(max_presence_members_per_channel=2)
        first, second = self.member("u1"), self.member("u2")
        first.take()
        third = self.open()
        self.told()
        third.say({"event": "pusher:subscribe", "data": third.signed(ROOM, "u3")})
        self.assertEqual(third.events(), [FULL])
        self.assertEqual((first.take(), second.take(), self.told()), ([], [], []))
        self.publish(ROOM)
        self.assertEqual(third.take(), [])
        third.say({"event": "pusher:subscribe", "data": third.signed(ROOM, "u2")})
        self.assertEqual(third.events(), [succeeded(("u1", {}), ("u2", {}))])

    def test_limit_changes(self) -> None:
        """The limit is the one the app has now, for connections that are there already too."""
        self.member("u1")
        second, third = self.open(), self.open()
        self.change_app(max_presence_members_per_channel=1)
        second.say({"event": "pusher:subscribe", "data": second.signed(ROOM, "u2")})
        self.assertEqual(second.events(), [FULL])
        self.change_app(max_presence_members_per_channel=2)
        third.say({"event": "pusher:subscribe", "data": third.signed(ROOM, "u2")})
        self.assertEqual(third.events(), [succeeded(("u1", {}), ("u2", {}))])

    def test_unlimited(self) -> None:
        """A limit of 0 is none."""
        self.change_app(max_presence_members_per_channel=0)
        for number in range(150):
            self.member(f"u{number}")


class SwitchTests(EngineCase):
    """Subscribing again as somebody else: leave and join in one step (protocol.md 7.4)"""

    def switch(self, peer: Any, user_id: str) -> list[tuple[str, Any]]:
        peer.say({"event": "pusher:subscribe", "data": peer.signed(ROOM, user_id, user_id)})
        return list(peer.events())

    def test_switch(self) -> None:
        """The others are told of the end of the old member and of the new one; the socket only gets the list."""
        other, peer = self.member("u1"), self.member("u2")
        other.take()
        self.assertEqual(self.switch(peer, "u3"), [succeeded(("u1", {}), ("u3", "u3"))])
        self.assertEqual(other.events(), [removed("u2"), added("u3", "u3")])
        peer.vanish()
        self.assertEqual(other.events(), [removed("u3")])

    def test_alone(self) -> None:
        """It works with nobody else there, and leaves nothing of the old member."""
        peer = self.member("u1")
        self.assertEqual(self.switch(peer, "u2"), [succeeded(("u2", "u2"))])
        self.assertEqual(self.engine.members("app", ROOM), ["u2"])

    def test_tabs(self) -> None:
        """Nobody is told of a member that stays with another tab, nor of one that is there already."""
        other, tab, peer = self.member("u1"), self.member("u2"), self.member("u2")
        other.take()
        self.assertEqual(self.switch(peer, "u1"), [succeeded(("u1", {}), ("u2", {}))])
        self.assertEqual((other.take(), tab.take()), ([], []))

    def test_and_back(self) -> None:
        """Back and forth, the lists stay right."""
        other, peer = self.member("u1"), self.member("u2")
        for user_id in ("u3", "u2", "u1", "u2"):
            self.switch(peer, user_id)
            self.assertEqual(sorted(self.engine.members("app", ROOM)), sorted({"u1", user_id}))
        self.assertEqual(
            other.events(),
            [added("u2"), removed("u2"), added("u3", "u3"), removed("u3"), added("u2", "u2"), removed("u2"), added("u2", "u2")],
        )  # fmt: skip

    def test_own_place(self) -> None:
        """In a full channel the place of the old member is the new one's."""
        self.change_app(max_presence_members_per_channel=2)
        other, peer = self.member("u1"), self.member("u2")
        self.assertEqual(self.switch(peer, "u3"), [succeeded(("u1", {}), ("u3", "u3"))])
        self.assertEqual(other.events(), [added("u2"), removed("u2"), added("u3", "u3")])

    def test_refused(self) -> None:
        """When there is no room the socket stays who it was, hears what follows, and nobody noticed."""
        self.change_app(max_presence_members_per_channel=2)
        other, tab, peer = self.member("u1"), self.member("u2"), self.member("u2")
        other.take()
        self.assertEqual(self.switch(peer, "u3"), [FULL])
        self.assertEqual((other.take(), tab.take()), ([], []))
        other.vanish()
        self.assertEqual(peer.events(), [removed("u1")])
        tab.vanish()
        self.assertEqual(peer.events(), [])
        self.assertEqual(self.engine.members("app", ROOM), ["u2"])
        self.change_app(max_presence_members_per_channel=2, enable_client_messages=True)
        peer.subscribe("private-a")
        third = self.member("u3")
        self.assertEqual(peer.events(), [added("u3")])
        peer.say({"event": "client-x", "channel": ROOM, "data": 1})
        self.assertEqual(len(third.take()), 1)

    def test_refused_signature(self) -> None:
        """A repeat with a bad signature leaves the membership in place."""
        other, peer = self.member("u1"), self.member("u2")
        other.take()
        peer.say({"event": "pusher:subscribe", "data": peer.signed(ROOM, "u3") | {"auth": "key:0"}})
        self.assertEqual((peer.events(), other.events()), ([("pusher:error", 4009)], []))
        self.assertEqual(self.engine.members("app", ROOM), ["u1", "u2"])


class LostChangeTests(EngineCase):
    """Changes that never arrive (scaling.md 6.4)"""

    def test_repaired(self) -> None:
        """The next change shows the gap, and clients are told exactly what they missed, removals first."""
        peer, gone, stays = self.member("u1"), self.member("u2"), self.member("u3", info=3)
        peer.take()
        self.authority.deaf = True
        gone.vanish()
        self.join("u4")
        self.authority.inner.part("app", ROOM, "node", stays.id)
        self.authority.inner.join("app", ROOM, "node", stays.id, "u3", "33", 0)
        self.authority.deaf = False
        self.assertEqual(peer.take(), [])
        self.join("u5")
        self.assertEqual(peer.events(), [removed("u2"), removed("u3"), added("u4"), added("u3", 33), added("u5")])
        self.leave_others()

    def test_shown_by_a_join(self) -> None:
        """A join that is answered with a newer version than is known here repairs as well."""
        peer = self.member("u1")
        self.authority.deaf = True
        self.join("u2")
        self.join("u3")
        newcomer = self.open()
        newcomer.say({"event": "pusher:subscribe", "data": newcomer.signed(ROOM, "u4")})
        self.assertEqual(newcomer.events(), [succeeded(("u1", {}), ("u2", {}), ("u3", {}), ("u4", {}))])
        self.assertEqual(peer.events(), [added("u2"), added("u3"), added("u4")])
        self.authority.deaf = False
        self.leave_others()
        self.assertEqual(newcomer.events(), [removed("u2"), removed("u3")])

    def test_one_question(self) -> None:
        """While the list is on its way nobody asks for it again, and what arrives meanwhile is not lost."""
        peer = self.member("u1")
        self.authority.deaf = True
        self.join("u2")
        self.authority.deaf = False
        self.authority.early = True
        self.authority.hold("snapshot")
        for user_id in ("u3", "u4", "u5"):
            self.join(user_id)
        self.assertEqual((self.authority.waiting, peer.take()), (["snapshot"], []))
        self.authority.release()
        self.assertEqual(peer.events(), [added("u2"), added("u3"), added("u4"), added("u5")])
        self.join("u6")
        self.assertEqual((self.authority.waiting, peer.events()), ([], [added("u6")]))
        self.leave_others()

    def test_no_answer(self) -> None:
        """When the repair fails the next change tries again."""
        peer = self.member("u1")
        self.authority.deaf = True
        self.join("u2")
        self.authority.deaf = False
        self.authority.failing.add("snapshot")
        self.join("u3")
        self.assertEqual(peer.take(), [])
        self.authority.failing.clear()
        self.join("u4")
        self.assertEqual(peer.events(), [added("u2"), added("u3"), added("u4")])
        self.leave_others()

    def join(self, user_id: str) -> None:
        """Somebody on another node."""
        self.authority.inner.join("app", ROOM, "other", user_id, user_id, "{}", 0)

    def leave_others(self) -> None:
        self.authority.inner.reap("other")
