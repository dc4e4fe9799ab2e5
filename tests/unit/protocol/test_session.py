"""The session: state, command, effects. Every rule of entering, leaving and signing in without a socket."""

from __future__ import annotations

import json

from sockudo_tx.protocol import messages
from sockudo_tx.protocol.effects import Enable, Join, Leave, Member, Replay, Resync, Send, Watch
from sockudo_tx.protocol.effects import Signin as SigninEffect
from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.protocol.messages import EnableDelta, Ignored, Ping, Pong, Signin, Subscribe, SyncError, Unsubscribe
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.protocol.session import Session

from .session_case import SOCKET_ID, SessionCase, changed, signed, signin

UNSIGNED = (4009, "Authentication error: Channel requires authentication")


class SmallCommandTests(SessionCase):
    """Ping, pong and names that mean nothing"""

    def test_ping(self) -> None:
        """A ping gets its pong; a pong and an unknown event get nothing."""
        self.assertEqual(self.receive(Ping()), [Send(messages.PONG)])
        self.assertEqual(self.receive(Pong()), [])
        self.assertEqual(self.receive(Ignored()), [])

    def test_deltas(self) -> None:
        """Asked for, they are the engine's business; a client that lost its base is heard on its own channels only."""
        self.assertEqual(self.receive(EnableDelta({"algorithms": []})), [Enable({"algorithms": []})])
        for channel in ("news", None):
            self.assertEqual(self.receive(SyncError(channel)), [])
        self.session.joined(ChannelName.of("news"), None)
        self.assertEqual(self.receive(SyncError("news")), [Resync("news")])


class SubscribeTests(SessionCase):
    """Entering a channel (protocol.md 7)"""

    def test_public(self) -> None:
        """A public channel needs no signature and ignores one; success is told when the join took effect."""
        for command in (Subscribe("news"), Subscribe("news", ""), Subscribe("news", "nonsense", "{")):
            self.assertEqual(self.receive(command), [Join(ChannelName.of("news"), None)])
        self.assertEqual(self.session.channels, {})
        told = self.session.joined(ChannelName.of("news"), None)
        self.assertEqual(list(told), [Send(messages.subscription_succeeded("news"))])
        self.assertEqual(self.session.channels, {"news": None})
        self.assertFalse(self.session.authorized)

    def test_private_kinds(self) -> None:
        """Every private kind is entered with its signature over socket id and channel only, and authorizes."""
        for channel in ("private-a", "private-encrypted-a", "private-cache-a", "private-encrypted-cache-a"):
            session = self.session = Session(SOCKET_ID)
            self.assertEqual(self.receive(signed(channel)), [Join(ChannelName.of(channel), None)])
            self.assertEqual(self.receive(signed(channel, '{"user_id":"x"}')), [Join(ChannelName.of(channel), None)])
            self.assertFalse(session.authorized)
            self.enter(signed(channel))
            self.assertTrue(session.authorized, channel)

    def test_vectors(self) -> None:
        """The published signatures let in (protocol.md 8)."""
        app = changed(key="278d425bdf160c739803", secret="7ad3773142a6692b25b8")
        session = self.session = Session("1234.1234")
        for channel, digest, data in [
            ("private-foobar", "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4", None),
            ("private-cache-foobar", "395f4a03f06e17b74af8d9c58386cf386e70176f58452420f042b6e1bddefa43", None),
            ("private-encrypted-foobar", "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533", None),
            ("presence-foobar", "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c", '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}'),
        ]:  # fmt: skip
            (join,) = session.receive(Subscribe(channel, f"{app.key}:{digest}", data), app, 0)
            self.assertIsInstance(join, Join)

    def test_no_signature(self) -> None:
        """A missing signature and a wrong one are refused with different words."""
        for channel in (
            "private-a",
            "private-encrypted-a",
            "private-cache-a",
            "private-encrypted-cache-a",
            "presence-a",
            "presence-cache-a",
        ):
            data = '{"user_id":"u1"}'
            missing = self.refusal(Subscribe(channel, None, data))
            self.assertEqual(
                missing, (4009, "Authentication error: Authentication signature required for this channel")
            )
            good = signed(channel, data).auth or ""
            for auth in [
                "",
                "x",
                good[:-1],
                good + "0",
                good.upper(),
                " " + good,
                good[4:],
                "é" + good,
                f"yek:{good[4:]}",
            ]:
                self.assertEqual(self.refusal(Subscribe(channel, auth, data)), UNSIGNED, auth)
            other = signed(channel + "x", data).auth
            self.assertEqual(self.refusal(Subscribe(channel, other, data)), UNSIGNED)

    def test_cache(self) -> None:
        """A cache channel's last event is replayed after the success."""
        for channel in ("cache-a", "private-cache-a", "private-encrypted-cache-a"):
            told = self.enter(signed(channel))
            self.assertEqual(told, [Send(messages.subscription_succeeded(channel)), Replay(channel)])
        self.assertNotIn(Replay("my-cache-a"), self.enter(Subscribe("my-cache-a")))

    def test_names(self) -> None:
        """A bad name is refused before anything else about the channel is looked at."""
        self.assertEqual(self.refusal(Subscribe("")), (4300, "Channel error: Channel name cannot be empty"))
        code, text = self.refusal(Subscribe("private-a b"))
        self.assertEqual((code, text[:52]), (4300, "Channel error: Channel name contains invalid charact"))
        too_long = self.refusal(Subscribe("private-" + "a" * 193))
        self.assertEqual(too_long, (4300, "Channel error: Channel name too long. Max length is 200"))
        self.assertEqual(len(self.receive(Subscribe("a" * 999), changed(max_channel_name_length=0))), 1)

    def test_disabled(self) -> None:
        """An app that was disabled meanwhile closes the connection."""
        fault = self.assertRaises(PeerError, self.receive, Subscribe("news"), changed(enabled=False))
        self.assertEqual((fault.code, fault.text, fault.closing), (4003, "Application disabled", True))

    def test_user_channel(self) -> None:
        """A user channel is for the socket that is signed in as that user."""
        self.assertEqual(self.refusal(Subscribe("#server-to-user-u1")), UNSIGNED)
        self.receive(signin('{"id":"u1"}'))
        self.assertEqual(self.refusal(Subscribe("#server-to-user-u2", "")), UNSIGNED)
        self.assertEqual(
            self.enter(Subscribe("#server-to-user-u1", "")),
            [Send(messages.subscription_succeeded("#server-to-user-u1"))],
        )

    def test_again(self) -> None:
        """A repeat is checked again; a refused one leaves the subscription in place."""
        self.enter(signed("private-a"))
        self.assertEqual(self.refusal(Subscribe("private-a", "key:0")), UNSIGNED)
        self.assertEqual(self.session.channels, {"private-a": None})
        self.assertEqual(self.receive(signed("private-a")), [Join(ChannelName.of("private-a"), None)])


class PresenceTests(SessionCase):
    """Who a socket is in a presence channel (protocol.md 9)"""

    def test_member(self) -> None:
        """The member is what the signed channel_data says."""
        for channel in ("presence-r", "presence-cache-r"):
            (join,) = self.receive(signed(channel, '{"user_id":7,"user_info":{"n":1.0}}'))
            self.assertEqual(join, Join(ChannelName.of(channel), Member("7", '{"n":1.0}')))

    def test_list(self) -> None:
        """The success carries the member list it is given."""
        (told,) = self.session.joined(ChannelName.of("presence-r"), Member("u", "{}"), "LIST")
        self.assertEqual(told, Send(messages.subscription_succeeded("presence-r", "LIST")))
        self.assertTrue(self.session.authorized)
        self.assertEqual(self.session.channels, {"presence-r": Member("u", "{}")})

    def test_unsigned_data(self) -> None:
        """The signature covers channel_data: other data, or none, is refused."""
        genuine = signed("presence-r", '{"user_id":"u1"}')
        self.assertEqual(self.refusal(genuine._replace(channel_data='{"user_id":"u2"}')), UNSIGNED)
        self.assertEqual(self.refusal(genuine._replace(channel_data=None)), UNSIGNED)

    def test_signature_first(self) -> None:
        """Bad channel_data is told only to those who may enter."""
        self.assertEqual(self.refusal(Subscribe("presence-r", "key:0", "{")), UNSIGNED)
        self.assertEqual(self.refusal(signed("presence-r", "{"))[0], 4000)
        self.assertEqual(self.refusal(signed("presence-r", "{}"))[0], 4300)

    def test_no_data(self) -> None:
        """Without channel_data a signed-in socket is its user; another one is nobody."""
        missing = (4000, "Invalid message format: Missing channel_data for presence channel")
        self.assertEqual(self.refusal(signed("presence-r")), missing)
        self.receive(signin('{"id":"u1","user_info":{ "n":1 }}'))
        (join,) = self.receive(signed("presence-r"))
        self.assertEqual(join, Join(ChannelName.of("presence-r"), Member("u1", '{"n":1}')))
        (join,) = self.receive(signed("presence-r", '{"user_id":"other"}'))
        self.assertEqual(join, Join(ChannelName.of("presence-r"), Member("other", "{}")))

    def test_size(self) -> None:
        """user_info counts in UTF-8 bytes as compact JSON, a string its own bytes, also when it comes from sign-in."""

        def data(info: str) -> str:
            return f'{{"user_id":"u","user_info":{info}}}'

        self.assertEqual(len(self.receive(signed("presence-r", data('"' + "é" * 1024 + '"')))), 1)
        self.assertEqual(len(self.receive(signed("presence-r", data('"' + "\\u00e9" * 1024 + '"')))), 1)
        self.assertEqual(len(self.receive(signed("presence-r", data('["' + "a" * 2044 + '"' + " " * 99 + "]")))), 1)
        too_big = (4300, "Channel error: Presence member data size (3KB) exceeds limit (2KB)")
        self.assertEqual(self.refusal(signed("presence-r", data('"' + "a" * 2049 + '"'))), too_big)
        self.assertEqual(self.refusal(signed("presence-r", data('["' + "a" * 2045 + '"]'))), too_big)
        unlimited = changed(max_presence_member_size_in_kb=0)
        self.assertEqual(len(self.receive(signed("presence-r", data('"' + "a" * 9999 + '"')), unlimited)), 1)
        self.receive(signin(f'{{"id":"u","user_info":"{"a" * 2049}"}}'))
        self.assertEqual(self.refusal(signed("presence-r")), too_big)


class UnsubscribeTests(SessionCase):
    """Leaving a channel (protocol.md 7.5)"""

    def test_leave(self) -> None:
        """A channel the socket is in is left as the member it was, once; any other is ignored."""
        self.enter(signed("presence-r", '{"user_id":"u1"}'))
        self.enter(Subscribe("news"))
        self.assertEqual(self.receive(Unsubscribe("presence-r")), [Leave("presence-r", Member("u1", "{}"))])
        self.assertEqual(self.session.channels, {"news": None})
        for name in ("presence-r", "other", "", "not a name"):
            self.assertEqual(self.receive(Unsubscribe(name)), [])
        self.assertTrue(self.session.authorized)


class SigninTests(SessionCase):
    """Signing in (protocol.md 14)"""

    def test_success(self) -> None:
        """The user is bound, the exact user_data comes back, then the watchlist is watched."""
        user_data = '{ "id":"u1", "watchlist":["u2"] }'
        effects = self.receive(signin(user_data))
        success = Send(messages.signin_success(user_data))
        self.assertEqual(effects, [SigninEffect("u1"), success, Watch(("u2",))])
        self.assertTrue(self.session.authorized)

    def test_key_is_optional(self) -> None:
        """The key before the colon may be left out, but not be wrong."""
        self.assertEqual(len(self.receive(signin('{"id":"u1"}', prefix=""))), 3)
        wrong = (4009, "Authentication error: Connection not authorized for signin.")
        for prefix in ("yek:", ":", "key:key:", " key:"):
            self.assertEqual(self.refusal(signin('{"id":"u1"}', prefix=prefix)), wrong)

    def test_order_of_checks(self) -> None:
        """A sign-in with every fault is refused for the first; with each repaired the next one shows."""
        off = changed(enable_user_authentication=False)
        prefix = "Authentication error: "
        self.assertEqual(self.refusal(Signin(), off), (4009, prefix + "Missing 'user_data' field in signin data"))
        self.assertEqual(self.refusal(Signin(None, "{"), off), (4009, prefix + "Missing 'auth' field in signin data"))
        self.assertEqual(
            self.refusal(Signin("x", "{"), off), (4009, prefix + "User authentication is disabled for this app")
        )
        code, text = self.refusal(Signin("x", "{"))
        self.assertEqual((code, text[:46]), (4009, prefix + "Invalid user_data JSON: "))
        self.assertEqual(self.refusal(Signin("x", "{}")), (4009, prefix + "Missing 'id' field in user_data"))
        self.assertEqual(
            self.refusal(Signin("x", '{"id":"u1"}')), (4009, prefix + "Connection not authorized for signin.")
        )

    def test_again(self) -> None:
        """The same user may sign in again and replaces what was said; another one is refused."""
        self.receive(signin('{"id":"u1","user_info":1,"watchlist":["u2"]}'))
        effects = self.receive(signin('{"id":"u1","user_info":2}'))
        self.assertEqual((effects[0], effects[2]), (SigninEffect("u1"), Watch(())))
        assert self.session.user is not None
        self.assertEqual(self.session.user.user_info, "2")
        other = (4009, "Authentication error: Connection is already signed in as another user")
        self.assertEqual(self.refusal(signin('{"id":"u2"}')), other)

    def test_watchlist_cut(self) -> None:
        """A list of more than a hundred is cut, and the client is told after everything else."""
        user_data = json.dumps({"id": "u1", "watchlist": [f"u{n}" for n in range(101)]})
        bound, success, watch, told = self.receive(signin(user_data))
        self.assertEqual(bound, SigninEffect("u1"))
        assert isinstance(watch, Watch)
        self.assertEqual(len(watch.watchlist), 100)
        assert isinstance(told, Send)
        self.assertEqual(json.loads(told.text)["data"]["code"], 4302)
        self.assertEqual(success, Send(messages.signin_success(user_data)))
        off = changed(enable_watchlist_events=False)
        self.assertEqual(self.receive(signin(user_data), off)[2:], [Watch(())])
