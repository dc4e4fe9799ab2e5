"""Signed-in users: their own channel, termination, and those who watch them (protocol.md 14, 15)."""

from __future__ import annotations

import json
from typing import Any

from sockudo_tx.testing import user_auth

from .case import EngineCase, Peer


def online(*user_ids: str) -> tuple[str, list[str]]:
    return ("online", list(user_ids))


def offline(*user_ids: str) -> tuple[str, list[str]]:
    return ("offline", list(user_ids))


def watched(peer: Peer) -> list[list[tuple[str, list[str]]]]:
    """The watchlist messages among what the peer received, each as its entries."""
    return [
        [(entry["name"], entry["user_ids"]) for entry in data["events"]]
        for name, data in peer.events()
        if name == "watchlist_events"
    ]


class UserCase(EngineCase):
    """Peers that sign in."""

    def user(self, user_id: str, watchlist: list[str] | None = None) -> Peer:
        peer = self.open()
        peer.signin(user_id, watchlist)
        return peer


class UserEventTests(UserCase):
    """Events for one user"""

    def test_every_socket(self) -> None:
        """Every socket signed in as the user gets it once, subscribed to the user's channel or not; nobody else does."""
        first, second, other, stranger = self.user("u1"), self.user("u1"), self.user("u2"), self.member("u1")
        first.subscribe("#server-to-user-u1")
        self.publish("#server-to-user-u1", name="notice")
        expected = ['{"event":"notice","channel":"#server-to-user-u1","data":"d"}']
        self.assertEqual([peer.take() for peer in (first, second)], [expected, expected])
        self.assertEqual([peer.take() for peer in (other, stranger)], [[], []])

    def test_excluded(self) -> None:
        """The excluded socket is skipped here too."""
        first, second = self.user("u1"), self.user("u1")
        self.publish("#server-to-user-u1", socket_id=first.id)
        self.assertEqual([len(peer.take()) for peer in (first, second)], [0, 1])

    def test_strange_ids(self) -> None:
        """An id may be any text."""
        for user_id in ("auth0|42", "ü 😀", "#server-to-user-x", "presence-r"):
            peer = self.user(user_id)
            self.publish(f"#server-to-user-{user_id}")
            self.assertEqual(len(peer.take()), 1, user_id)


class TerminateTests(UserCase):
    """Terminating a user's connections"""

    def test_all_of_them(self) -> None:
        """Every connection signed in as the user is closed; presence members of that name and other users are not."""
        first, second, other, member = self.user("u1"), self.user("u1"), self.user("u2"), self.member("u1")
        self.engine.terminate_user("app", "u1")
        closed = (4009, "You got disconnected by the app.")
        self.assertEqual([peer.closed for peer in (first, second, other, member)], [closed, closed, None, None])
        self.assertEqual(self.engine.user_connections("app", "u1"), 0)
        again = self.user("u1")
        self.assertIsNone(again.closed)

    def test_nobody(self) -> None:
        """An unknown user or app is fine."""
        self.engine.terminate_user("app", "nobody")
        self.engine.terminate_user("nothing", "u1")

    def test_count(self) -> None:
        """How many connections a user has is known at any time, and signing in twice counts once."""
        first, second = self.user("u1"), self.user("u1")
        first.signin("u1")
        self.assertEqual(self.engine.user_connections("app", "u1"), 2)
        second.vanish()
        self.assertEqual(self.engine.user_connections("app", "u1"), 1)


class WatchlistTests(UserCase):
    """Who is told of whom"""

    def test_status(self) -> None:
        """Signing in with a list is answered with who of it is there and who is not, in the list's order."""
        self.user("u2")
        self.user("u4")
        peer = self.open()
        texts = peer.signin("u1", ["u4", "u3", "u2", "u5"])
        self.assertEqual(json.loads(texts[0])["event"], "pusher:signin_success")
        data = json.loads(json.loads(texts[1])["data"])
        self.assertEqual(
            data["events"],
            [{"name": "online", "user_ids": ["u4", "u2"]}, {"name": "offline", "user_ids": ["u3", "u5"]}],
        )

    def test_no_list(self) -> None:
        """Without a list, or with an empty one, there is no such message."""
        for watchlist in (None, list[str]()):
            self.assertEqual(len(self.open().signin("u1", watchlist)), 1)

    def test_transitions(self) -> None:
        """Watchers hear of the first connection of a user and of the last one's end, and of nothing between."""
        watcher = self.user("w", ["u1", "u2"])
        first = self.user("u1")
        self.assertEqual(watched(watcher), [[online("u1")]])
        second = self.user("u1")
        first.vanish()
        self.assertEqual(watched(watcher), [])
        second.vanish()
        self.assertEqual(watched(watcher), [[offline("u1")]])
        self.user("u3")
        self.assertEqual(watched(watcher), [])

    def test_every_watcher(self) -> None:
        """Every socket that watches is told once, whoever it belongs to; each socket has its own list."""
        watchers = [self.user("w", ["u1"]), self.user("w", ["u1"]), self.user("x", ["u1"])]
        other = self.user("w", ["u2"])
        self.user("u1")
        self.assertEqual([watched(peer) for peer in watchers], [[[online("u1")]]] * 3)
        self.assertEqual(watched(other), [])

    def test_oneself(self) -> None:
        """A user on its own list is told of itself in the status and not once more."""
        peer = self.open()
        texts = peer.signin("u1", ["u1"])
        self.assertEqual(len(texts), 2)
        self.assertIn("online", texts[1])
        other = self.open()
        self.assertEqual(len(other.signin("u1", ["u1"])), 2)
        other.vanish()
        self.assertEqual(peer.take(), [])

    def test_replaced(self) -> None:
        """Signing in again replaces the list."""
        peer = self.user("w", ["u1"])
        peer.signin("w", ["u2"])
        self.user("u1")
        self.user("u2")
        self.assertEqual(watched(peer), [[online("u2")]])
        peer.signin("w")
        self.user("u3").vanish()
        self.peers[-2].vanish()
        self.assertEqual(watched(peer), [])

    def test_switched_off(self) -> None:
        """Without the setting nobody is told anything."""
        self.change_app(enable_watchlist_events=False)
        peer = self.open()
        self.assertEqual(len(peer.signin("w", ["u1"])), 1)
        self.user("u1")
        self.assertEqual(peer.take(), [])

    def test_too_long(self) -> None:
        """Only the first hundred are watched; the client is told so after everything else."""
        peer = self.open()
        peer.say(self.signin(peer, [f"u{n}" for n in range(101)]))
        events = peer.events()
        self.assertEqual([name for name, _ in events], ["pusher:signin_success", "watchlist_events", "pusher:error"])
        self.assertEqual(events[2][1], 4302)
        self.user("u99")
        self.user("u100")
        self.assertEqual(watched(peer), [[online("u99")]])

    def signin(self, peer: Peer, watchlist: list[str]) -> dict[str, Any]:
        user_data = json.dumps({"id": "w", "watchlist": watchlist})
        return {
            "event": "pusher:signin",
            "data": {"auth": user_auth(self.app, peer.id, user_data), "user_data": user_data},
        }


class SlowTests(UserCase):
    """An authority that takes its time"""

    def setUp(self) -> None:
        super().setUp()
        self.authority.hold("user_up", "user_down", "online")

    def test_order(self) -> None:
        """Success comes when others can know of it, then the status, and the next message's answer after it."""
        peer = self.open()
        self.assertEqual(peer.signin("u1", ["u2"]), [])
        peer.say({"event": "pusher:ping"})
        self.assertEqual(peer.take(), [])
        self.authority.release()
        names = ["pusher:signin_success", "watchlist_events", "pusher:pong"]
        self.assertEqual([name for name, _ in peer.events()], names)

    def test_oneself(self) -> None:
        """A user that watches itself is still told once."""
        peer = self.open()
        peer.signin("u1", ["u1"])
        self.authority.release()
        self.assertEqual(watched(peer), [[online("u1")]])

    def test_gone_meanwhile(self) -> None:
        """A socket that goes while it signs in is no longer the user's, and watches nobody."""
        watcher = self.user("w", ["u1"])
        self.authority.release()
        watched(watcher)
        for steps in range(3):
            peer = self.open()
            peer.signin("u1", ["u2"])
            self.authority.release(steps)
            peer.take()
            peer.vanish()
            self.authority.release()
            self.assertEqual(self.authority.inner.user_connections("app", "u1"), 0)
            self.assertEqual(peer.take(), [])
            self.assertEqual(watched(watcher), [[online("u1")], [offline("u1")]])
            self.assertEqual(self.engine.registry.apps["app"].watchers.keys(), {"u1"})

    def test_failing(self) -> None:
        """When the status cannot be had there is none; signing in succeeds all the same, and user events arrive."""
        self.authority.failing.update(("user_up", "online"))
        peer = self.open()
        peer.signin("u1", ["u2"])
        self.authority.release()
        self.assertEqual([name for name, _ in peer.events()], ["pusher:signin_success"])
        self.publish("#server-to-user-u1")
        self.assertEqual(peer.events(), [("e", "d")])
