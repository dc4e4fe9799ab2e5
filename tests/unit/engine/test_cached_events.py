"""Cached events: what a newcomer to a cache channel is given (protocol.md 10, scaling.md 13.1)."""

from __future__ import annotations

import json

from sockudo_tx.engine.cached_events import CachedEvent
from sockudo_tx.interfaces import BackendError, Fact
from sockudo_tx.protocol import messages

from .case import EngineCase, Peer

MISS = ("cache_miss", {})
SUCCESS = ("subscription_succeeded", {})


class ReplayTests(EngineCase):
    """What follows the success"""

    def enter(self, channel: str = "cache-c") -> Peer:
        peer = self.open()
        peer.say({"event": "pusher:subscribe", "data": peer.signed(channel)})
        return peer

    def test_last_event(self) -> None:
        """The last published event, byte for byte as those who were there got it, and only to the newcomer."""
        witness = self.enter()
        witness.take()
        self.publish("cache-c", data="1")
        self.publish("cache-c", "cache-d", name='é"', data='{"n":1.0}')
        self.publish("news")
        live = witness.take()
        newcomer = self.enter()
        self.assertEqual(newcomer.take(), [messages.subscription_succeeded("cache-c"), live[1]])
        self.assertEqual(witness.take(), [])
        again = newcomer.subscribe("cache-c")
        self.assertEqual(again, [messages.subscription_succeeded("cache-c"), live[1]])

    def test_miss(self) -> None:
        """Nothing there is told to the newcomer and to webhooks, each time."""
        peer = self.enter()
        self.assertEqual(peer.events(), [SUCCESS, MISS])
        self.assertEqual(peer.subscribe("cache-c")[1], messages.cache_miss("cache-c"))
        self.assertEqual(self.told("cache_miss"), [Fact("cache_miss", "cache-c")] * 2)

    def test_which_channels(self) -> None:
        """Every kind of cache channel has a last event, and no other channel that has the word in its name."""
        channels = ["cache-c", "private-cache-c", "private-encrypted-cache-c", "my-cache-c", "private-nocache-c"]
        self.publish(*channels, "presence-cache-c")
        replayed = [len(self.enter(channel).take()) == 2 for channel in channels]
        self.assertEqual(replayed, [True, True, True, False, False])
        peer = self.open()
        self.assertEqual(json.loads(peer.subscribe("presence-cache-c", "u1")[1])["event"], "e")

    def test_not_stored(self) -> None:
        """Client events, presence events and counts are never the last event."""
        self.change_app(enable_subscription_count_events=True, enable_client_messages=True)
        first, second = self.enter("private-cache-c"), self.enter("private-cache-c")
        first.say({"event": "client-x", "channel": "private-cache-c", "data": 1})
        self.assertIn("client-x", second.take()[-1])
        self.advance(1)
        self.assertEqual(self.enter("private-cache-c").events(), [SUCCESS, MISS])

    def test_excluded_and_alone(self) -> None:
        """An event that nobody received is remembered all the same."""
        sender = self.enter()
        sender.take()
        self.publish("cache-c", socket_id=sender.id)
        self.assertEqual(sender.take(), [])
        self.assertEqual(self.enter().events()[1][0], "e")
        self.publish("cache-d")
        self.assertEqual(self.enter("cache-d").events()[1][0], "e")

    def test_lifetime(self) -> None:
        """It lives an hour from the last publish, and survives the last subscriber."""
        self.publish("cache-c")
        self.enter().vanish()
        self.advance(3599)
        self.assertEqual(self.enter().events()[1][0], "e")
        self.publish("cache-c")
        self.advance(3599)
        self.assertEqual(self.enter().events()[1][0], "e")
        self.advance(2)
        self.assertEqual(self.enter().events()[1], MISS)

    def test_cache_down(self) -> None:
        """A cache that fails is a miss, and neither subscribing nor publishing fails with it."""
        peer = self.enter()
        peer.take()
        self.cache.failing.update(("get", "set"))
        self.publish("cache-c")
        self.assertEqual([name for name, _ in peer.events()], ["e"])
        self.assertEqual(self.enter().events(), [SUCCESS, MISS])


class SlowCacheTests(EngineCase):
    """The same when the cache takes its time"""

    early = True

    def enter(self, channel: str = "cache-c") -> Peer:
        peer = self.open()
        peer.say({"event": "pusher:subscribe", "data": peer.signed(channel)})
        return peer

    def test_nobody_waits(self) -> None:
        """Success comes at once, events to all others too, and a publish never waits for its cache write."""
        other = self.enter()
        other.take()
        self.cache.hold("get", "set")
        peer = self.enter("cache-d")
        self.assertEqual(peer.events(), [SUCCESS])
        self.publish("cache-c")
        self.assertEqual([name for name, _ in other.events()], ["e"])
        self.cache.release()
        self.assertEqual(peer.events(), [MISS])

    def test_live_event_wins(self) -> None:
        """A newer event is never followed by the older cached one, nor by itself, nor by a miss."""
        for before in (0, 1):
            channel = f"cache-{before}"
            for _ in range(before):
                self.publish(channel, name="old")
            self.cache.hold("get")
            peer = self.enter(channel)
            peer.take()
            self.publish(channel, name="new")
            self.cache.release()
            self.assertEqual(peer.events(), [("new", "d")])
        self.assertEqual(self.told("cache_miss"), [])

    def test_own_event_does_not(self) -> None:
        """An event the newcomer was excluded from is none it has seen."""
        self.publish("cache-c", name="old")
        self.cache.hold("get")
        peer = self.enter()
        peer.take()
        self.publish("cache-c", name="new", socket_id=peer.id)
        self.cache.release()
        self.assertEqual(peer.events(), [("old", "d")])

    def test_other_newcomers(self) -> None:
        """Each newcomer has its own race."""
        self.publish("cache-c", name="old")
        self.cache.hold("get")
        first = self.enter()
        self.publish("cache-c", name="new")
        second = self.enter()
        self.cache.release()
        self.assertEqual([name for name, _ in first.events()], ["subscription_succeeded", "new"])
        self.assertEqual([name for name, _ in second.events()], ["subscription_succeeded", "new"])

    def test_own_messages_wait(self) -> None:
        """What the newcomer says meanwhile is answered after the replay."""
        self.cache.hold("get")
        peer = self.enter()
        peer.say({"event": "pusher:ping"})
        peer.say({"event": "pusher:unsubscribe", "data": {"channel": "cache-c"}})
        self.assertEqual(peer.events(), [SUCCESS])
        self.cache.release()
        self.assertEqual(peer.events(), [MISS, ("pusher:pong", None)])
        self.publish("cache-c")
        self.assertEqual(peer.take(), [])

    def test_gone_meanwhile(self) -> None:
        """Nothing is sent to, and no fact is told of, a newcomer that has gone."""
        self.cache.hold("get")
        peer = self.enter()
        peer.take()
        peer.vanish()
        self.cache.release()
        self.assertEqual((peer.take(), self.told("cache_miss")), ([], []))

    def test_down(self) -> None:
        """A cache that fails late is a miss."""
        self.cache.hold("get")
        self.cache.failing.add("get")
        peer = self.enter()
        self.cache.release()
        self.assertEqual(peer.events(), [SUCCESS, MISS])


class ReadTests(EngineCase):
    """The last event as the REST side asks for it"""

    def test_parts(self) -> None:
        """Name, data and whole seconds left, at least one."""
        self.publish("cache-c", name="é", data='{"n":1}')
        self.assertEqual(self.engine.cached_event("app", "cache-c"), CachedEvent("é", '{"n":1}', 3600))
        self.clock.advance(3599.5)
        self.assertEqual(self.engine.cached_event("app", "cache-c"), CachedEvent("é", '{"n":1}', 1))
        self.assertIsNone(self.engine.cached_event("app", "cache-d"))
        self.assertIsNone(self.engine.cached_event("other", "cache-c"))

    def test_slow(self) -> None:
        """Later, when the cache takes its time; `BackendError` when it fails."""
        self.publish("cache-c")
        self.cache.hold("get")
        found = self.engine.cached_event("app", "cache-c")
        self.cache.release()
        self.assertEqual(self.successResultOf(found).event, "e")  # type: ignore[arg-type]
        self.cache.failing.add("get")
        found = self.engine.cached_event("app", "cache-c")
        self.cache.release()
        self.failureResultOf(found, BackendError)  # type: ignore[arg-type]
