"""The engine as a whole: publishing, relaying, and never falling over."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from sockudo_tx.interfaces import BackendError
from sockudo_tx.protocol import errors, messages
from sockudo_tx.testing import channel_auth

from .case import FAILED, PONG, ROOM, EngineCase, Peer


class PublishTests(EngineCase):
    """Events from backends"""

    def test_every_channel(self) -> None:
        """Each channel of the event, in order; a socket in two of them gets it twice; nobody else gets it."""
        both, one, none = self.open(), self.open(), self.open()
        for channel in ("a", "b"):
            both.subscribe(channel)
        one.subscribe("b")
        self.publish("b", "a", "c", name="n", data='{"x":1}')
        text = '{"event":"n","channel":"%s","data":"{\\"x\\":1}"}'
        self.assertEqual(both.take(), [text % "b", text % "a"])
        self.assertEqual((one.take(), none.take()), ([text % "b"], []))

    def test_excluded(self) -> None:
        """The excluded socket gets it on no channel."""
        peer = self.open()
        for channel in ("a", "b"):
            peer.subscribe(channel)
        self.publish("a", "b", socket_id=peer.id)
        self.assertEqual(peer.take(), [])

    def test_nobody_there(self) -> None:
        """Publishing for an app without connections does nothing, and keeps nothing."""
        self.publish("news", "#server-to-user-u1")
        self.assertEqual(self.left_behind(), {})

    def test_waits_for_nothing(self) -> None:
        """No backend is asked before, and none waited for after delivery."""
        peer = self.open()
        peer.subscribe("cache-c")
        peer.take()
        for backend in (self.apps, self.authority, self.cache):
            backend.hold("by_id", "by_key", "counts", "channels", "snapshot", "set", "get", "count", "online")
        self.publish("cache-c")
        self.assertEqual([name for name, _ in peer.events()], ["e"])
        self.assertEqual((self.apps.asked, self.authority.asked, self.cache.asked), ([], [], ["set"]))


class RelayTests(EngineCase):
    """Events from clients"""

    def test_to_the_others(self) -> None:
        """Everybody in the channel but the sender, its user's other sockets included; the data untouched."""
        sender, tab, other = self.member("u1"), self.member("u1"), self.member("u2")
        outsider = self.member("u1", "presence-s")
        for peer in self.peers:
            peer.take()
        sender.say(f'{{"event":"client-x","channel":"{ROOM}","data":{{ "b":1.0, "a":[] }},"user_id":"u9","z":1}}')
        text = f'{{"event":"client-x","channel":"{ROOM}","data":{{"b":1.0,"a":[]}},"user_id":"u1"}}'
        self.assertEqual((tab.take(), other.take()), ([text], [text]))
        self.assertEqual((sender.take(), outsider.take()), ([], []))

    def test_rate(self) -> None:
        """The rate is each socket's own."""
        self.change_app(max_client_events_per_second=2)
        first, second = self.open(), self.open()
        for peer in (first, second):
            peer.subscribe("private-a")
        for _ in range(3):
            first.say({"event": "client-x", "channel": "private-a"})
        self.assertEqual((first.events(), len(second.take())), ([("pusher:error", 4301)], 2))
        second.say({"event": "client-x", "channel": "private-a"})
        self.assertEqual(len(first.take()), 1)
        self.advance(1)
        first.say({"event": "client-x", "channel": "private-a"})
        self.assertEqual((first.take(), len(second.take())), ([], 1))

    def test_slow_store(self) -> None:
        """With a slow app store events keep their order, and a ping that follows waits its turn."""
        sender, other = self.open(), self.open()
        for peer in (sender, other):
            peer.subscribe("private-a")
        sender.take()
        other.take()
        self.apps.hold("by_id")
        for number in range(5):
            sender.say({"event": "client-x", "channel": "private-a", "data": number})
        sender.say({"event": "pusher:ping"})
        self.assertEqual((sender.take(), other.take()), ([], []))
        self.apps.release()
        self.assertEqual(other.events(), [("client-x", number) for number in range(5)])
        self.assertEqual(sender.events(), [PONG])

    def test_slow_store_that_fails(self) -> None:
        """A store that fails late leaves the record last seen."""
        sender, other = self.open(), self.open()
        for peer in (sender, other):
            peer.subscribe("private-a")
        self.apps.hold("by_id")
        self.apps.failing.add("by_id")
        sender.say({"event": "client-x", "channel": "private-a", "data": 1})
        self.apps.release()
        self.assertEqual(other.events()[-1], ("client-x", 1))


class BoundaryTests(EngineCase):
    """Nothing gets out of `hear`"""

    def test_bug(self) -> None:
        """A bug in the middle is logged, told without detail, and costs neither the connection nor the next message."""
        peer = self.open()
        self.apps.inner.by_id = None
        peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual(peer.take(), [messages.error(errors.internal())])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        del self.apps.inner.by_id
        self.assertEqual(peer.subscribe("news"), [messages.subscription_succeeded("news")])

    def test_bug_in_an_answer(self) -> None:
        """The same when the bug comes in a Deferred that has fired already, or fires later."""
        later: Deferred[None] = Deferred()
        fired: Deferred[None] = Deferred()
        fired.errback(ZeroDivisionError())
        for answer in (fired, later):
            peer = self.open()
            self.apps.inner.by_id = lambda app_id, answer=answer: answer
            peer.say({"event": "pusher:subscribe", "data": {"channel": "news"}})
            if answer is later:
                peer.say({"event": "pusher:ping"})
                later.errback(ZeroDivisionError())
            else:
                peer.say({"event": "pusher:ping"})
            self.assertEqual(peer.events(), [FAILED, PONG])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            del self.apps.inner.by_id

    def test_bug_at_connect(self) -> None:
        """A store with a bug is told like one that is down."""
        later: Deferred[None] = Deferred()
        self.apps.inner.by_key = lambda key: later
        peer = self.connect()
        later.errback(ZeroDivisionError())
        self.assertEqual((peer.events(), peer.closed and peer.closed[0]), ([("pusher:error", 4100)], 4100))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        del self.apps.inner.by_key

    def test_refusals_are_not_logged(self) -> None:
        """What is the peer's fault is told and not logged."""
        peer = self.open()
        for text in ("", "[]", '{"event":"pusher:subscribe"}', '{"event":"client-x"}', '{"event":"pusher:signin"}'):
            peer.say(text)
        self.assertEqual([name for name, _ in peer.events()], ["pusher:error"] * 5)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_binary(self) -> None:
        """A binary message is text, or refused."""
        peer = self.open()
        self.engine.hear(peer.socket, b'{"event":"pusher:ping"}', binary=True)
        self.engine.hear(peer.socket, b"\xff", binary=True)
        self.assertEqual(peer.events(), [PONG, FAILED])

    @settings(max_examples=60)
    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=20),
                st.builds(
                    lambda name, data, channel: json.dumps({"event": name, "data": data, "channel": channel}).encode(),
                    st.sampled_from(["pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "client-x", "pusher:ping"]),
                    st.one_of(st.none(), st.dictionaries(st.sampled_from(["channel", "auth", "channel_data", "user_data"]), st.sampled_from(["news", "private-a", ROOM, "cache-c", '{"user_id":"u"}', '{"id":"u"}']))),
                    st.one_of(st.none(), st.sampled_from(["news", "private-a", ROOM])),
                ),
            ),
            max_size=20,
        )
    )  # fmt: skip
    def test_any_messages(self, story: list[bytes]) -> None:
        """Whatever is said, nothing is logged, the connection stays usable, and nothing is left behind."""
        peer = self.open()
        for payload in story:
            self.engine.hear(peer.socket, payload, binary=True)
        self.assertEqual((self.flushLoggedErrors(), peer.closed), ([], None))
        peer.take()
        peer.say({"event": "pusher:ping"})
        self.assertEqual(peer.events(), [PONG])
        peer.vanish()
        self.peers.remove(peer)
        self.advance(10)
        self.assertEqual(self.left_behind(), {})


class QuestionTests(EngineCase):
    """What the REST side asks"""

    def test_members(self) -> None:
        """Each user once, in join order; nobody in an empty or unknown channel."""
        for user_id in ("b", "a", "b"):
            self.member(user_id)
        self.assertEqual(self.engine.members("app", ROOM), ["b", "a"])
        self.assertEqual(self.engine.members("app", "presence-x"), [])
        self.assertEqual(self.engine.members("other", ROOM), [])

    def test_slow(self) -> None:
        """Later, when the authority takes its time; `BackendError` when it fails."""
        self.member("u1")
        self.authority.hold("snapshot", "counts", "channels", "user_connections")
        questions: list[Callable[[], Any]] = [
            lambda: self.engine.members("app", ROOM),
            lambda: self.engine.counts("app", ROOM),
            lambda: self.engine.channels("app", ""),
            lambda: self.engine.user_connections("app", "u1"),
        ]
        answers = [ask() for ask in questions]
        self.authority.release()
        found = [self.successResultOf(answer) for answer in answers]
        self.assertEqual(found, [["u1"], (1, 1), {ROOM: (1, 1)}, 0])
        self.authority.failing.update(("snapshot", "counts", "channels", "user_connections"))
        answers = [ask() for ask in questions]
        self.authority.release()
        for answer in answers:
            self.failureResultOf(answer, BackendError)


class TwoAppsTests(EngineCase):
    """A signature of one socket is worth nothing to another"""

    def test_foreign_signature(self) -> None:
        """The auth of another socket of the same app is refused."""
        first, second = self.open(), self.open()
        auth = channel_auth(self.app, first.id, "private-a")
        for peer, expected in ((second, [("pusher:error", 4009)]), (first, [("subscription_succeeded", {})])):
            self.subscribe(peer, auth)
            self.assertEqual(peer.events(), expected)

    def subscribe(self, peer: Peer, auth: str) -> None:
        peer.say({"event": "pusher:subscribe", "data": {"channel": "private-a", "auth": auth}})
