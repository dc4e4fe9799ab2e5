"""What webhooks hear of what happens in channels (http-api.md 12.2 to 12.4, 12.6)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from sockudo_tx.interfaces import BackendError, WebhookJob
from sockudo_tx.testing import fixture_app

from .case import GRACE, ROOM, Peer
from .webhook_case import ALL, FUNCTION, URL, WebhookCase, hook

COUNTS = (hook("subscription_count"),)


class ToldTests(WebhookCase):
    """All types but counts"""

    def subscriber(self, channel: str = "news") -> Peer:
        peer = self.open()
        peer.subscribe(channel)
        return peer

    def test_H102_first_subscribe(self) -> None:
        """First subscribe: one POST, body and headers as documented, signature verifies over raw bytes (V7)."""
        self.subscriber()
        (post,) = self.posts()
        at = int((post.at + 1_000_000 - 0.05) * 1000)
        self.assertEqual(
            post.body, b'{"time_ms":%d,"events":[{"name":"channel_occupied","channel":"news"}]}' % round(at, -1)
        )
        signature = hmac.new(b"secret", post.body, hashlib.sha256).hexdigest()
        self.assertEqual(
            {name: value for name, value in post.headers.items() if name != "X-Sockudo-Delivery"},
            {"Content-Type": "application/json", "X-Pusher-Key": "key", "X-Pusher-Signature": signature},
        )
        self.assertRegex(post.headers["X-Sockudo-Delivery"], "^[0-9a-f]{32}$")

    def test_H104_second_and_last(self) -> None:
        """Second subscriber: no `channel_occupied`; last leaving: `channel_vacated` after 3 s, not before."""
        first, second = self.subscriber(), self.subscriber()
        self.assertEqual(self.names(), ["channel_occupied"])
        first.vanish()
        self.assertEqual(self.names(10), [])
        second.unsubscribe("news")
        self.assertEqual(self.names(GRACE - 0.1), [])
        self.assertEqual(self.names(), ["channel_vacated"])

    def test_H105_short_absence(self) -> None:
        """Leave and return within 3 s: neither vacated nor occupied; same for `member_removed`/`member_added`."""
        self.member("u")
        self.assertEqual(sorted(self.names()), ["channel_occupied", "member_added"])
        self.peers[-1].vanish()
        self.advance(GRACE - 0.5)
        self.member("u")
        self.assertEqual(self.names(20), [])
        self.peers[-1].unsubscribe(ROOM)
        self.assertEqual(sorted(self.names(GRACE + 1)), ["channel_vacated", "member_removed"])

    def test_H106_abrupt(self) -> None:
        """Abrupt disconnect behaves like unsubscribe for all event types, `subscription_count` included."""
        seen = []
        for leave in (Peer.vanish, lambda peer: (peer.unsubscribe(ROOM), peer.unsubscribe("news"))):
            self.begin(hook(*ALL))
            peer = self.member("u")
            peer.subscribe("news")
            self.posts(1)
            leave(peer)
            seen.append(sorted(json.dumps(event) for post in self.posts(GRACE + 1) for event in post.events))
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(len(seen[0]), 4)  # both channels vacated, the member removed, one count

    def test_H107_tabs(self) -> None:
        """Presence: second tab of a user yields no `member_added`; closing one tab no `member_removed`."""
        self.member("u")
        tab = self.member("u")
        self.assertEqual(self.names().count("member_added"), 1)
        tab.vanish()
        self.assertEqual(self.names(GRACE + 1), [])

    def test_H108_client_events(self) -> None:
        """Client event with object data: webhook `data` is a string; `socket_id` present; `user_id` on presence
        only."""
        member, private = self.member("42"), self.subscriber("private-a")
        self.posts()
        member.say('{"event":"client-typing","channel":"%s","data":{"on": true}}' % ROOM)
        private.say('{"event":"client-typing","channel":"private-a","data":"plain"}')
        private.say('{"event":"client-empty","channel":"private-a"}')
        (post,) = self.posts()
        common = {"name": "client_event", "event": "client-typing"}
        self.assertEqual(
            post.events[:2],
            [
                {**common, "channel": ROOM, "data": '{"on":true}', "socket_id": member.id, "user_id": "42"},
                {**common, "channel": "private-a", "data": "plain", "socket_id": private.id},
            ],
        )
        self.assertNotIn("data", post.events[2])

    def test_H109_cache_miss(self) -> None:
        """Empty cache channel subscribe: `cache_miss` without `data`; filled: none."""
        self.subscriber("cache-prices")
        (post,) = self.posts()
        self.assertIn({"name": "cache_miss", "channel": "cache-prices"}, post.events)
        self.publish("cache-prices")
        self.subscriber("cache-prices")
        self.assertEqual(self.names(), [])

    def test_H110_counts(self) -> None:
        """`subscription_count` not sent for presence channels; 150 subscribers joining in 1 s: at most a few events
        after the 100th."""
        self.begin(*COUNTS)
        self.member("u")
        self.assertEqual(self.names(6), [])
        for _ in range(100):
            self.subscriber()
        self.posts(1)
        for _ in range(50):
            self.subscriber()
            self.advance(0.02)
        events = [event for post in self.posts(6) for event in post.events]
        self.assertLessEqual(len(events), 3)
        self.assertEqual(events[-1], {"name": "subscription_count", "channel": "news", "subscription_count": 150})

    def test_H111_selection(self) -> None:
        """`event_types` and each filter kind select correctly; invalid regex: nothing sent, one warning."""
        urls = {name: f"http://{name}" for name in ("types", "prefix", "suffix", "pattern", "broken")}
        self.begin(
            hook("cache_miss", url=urls["types"]),
            hook("channel_occupied", url=urls["prefix"], channel_prefix="private-"),
            hook("channel_occupied", url=urls["suffix"], channel_suffix="-eu"),
            hook("channel_occupied", url=urls["pattern"], channel_pattern="[0-9]+"),
            hook("channel_occupied", url=urls["broken"], channel_pattern="("),
        )
        for channel in ("news", "private-a", "a-eu", "room-7", "cache-c"):
            self.subscriber(channel)
        heard = {post.url[7:]: [event["channel"] for event in post.events] for post in self.posts()}
        self.assertEqual(
            heard, {"types": ["cache-c"], "prefix": ["private-a"], "suffix": ["a-eu"], "pattern": ["room-7"]}
        )

    def test_H112_same_address(self) -> None:
        """Two webhooks with the same URL and different filters: both deliver."""
        self.begin(
            hook(channel_prefix="private-", headers={"X-Hook": "first"}),
            hook(channel_suffix="-eu", headers={"X-Hook": "second"}),
        )
        self.subscriber("private-a-eu")
        posts = self.posts()
        self.assertEqual([(post.url, post.headers["X-Hook"]) for post in posts], [(URL, "first"), (URL, "second")])


class BatchTests(WebhookCase):
    """Batching"""

    def occupy(self, number: int) -> None:
        peer = self.open()
        for index in range(number):
            peer.subscribe(f"room-{index}")

    def test_H113_batches(self) -> None:
        """Batching on: burst of 5 events within 50 ms = one POST with 5 events in order, `time_ms` the smallest; 250
        events with size 100 = 3 POSTs."""
        peer = self.open()
        start = int(self.clock.seconds() * 1000)
        for index in range(5):
            peer.subscribe(f"room-{index}")
            self.advance(0.01)
        (post,) = self.posts()
        self.assertEqual([event["channel"] for event in post.events], [f"room-{index}" for index in range(5)])
        self.assertEqual(json.loads(post.body)["time_ms"], start)
        self.begin(hook())
        self.occupy(250)
        posts = self.posts()
        self.assertEqual([len(post.events) for post in posts], [100, 100, 50])
        channels = [event["channel"] for post in posts for event in post.events]
        self.assertEqual(channels, [f"room-{index}" for index in range(250)])

    def test_full_batch_does_not_wait(self) -> None:
        """A batch that is full is sent at once."""
        self.begin(hook(), batch_seconds=5)
        self.occupy(150)
        self.assertEqual([len(post.events) for post in self.posts(0)], [100])
        self.assertEqual([len(post.events) for post in self.posts(5)], [50])

    def test_H114_off(self) -> None:
        """Batching off: 5 events = 5 POSTs."""
        self.begin(hook(), batching=False)
        self.occupy(5)
        self.assertEqual([len(post.events) for post in self.posts()], [1] * 5)

    def test_H120_apps(self) -> None:
        """Events of two apps in one burst: separate POSTs, each signed with its own secret."""
        other = fixture_app(id="other", key="other-key", secret="other-secret", webhooks=(hook(),))
        self.begin(hook(), others=(other,))
        self.open().subscribe("news")
        self.open("other-key").subscribe("news")
        posts = {post.key: post for post in self.posts()}
        for key, secret in (("key", b"secret"), ("other-key", b"other-secret")):
            signature = hmac.new(secret, posts[key].body, hashlib.sha256).hexdigest()
            self.assertEqual(posts[key].headers["X-Pusher-Signature"], signature)

    def test_nobody_wants(self) -> None:
        """What no webhook asks for is not even looked at: no fact, no timer, no table."""
        for webhooks in ((), (hook("cache_miss"),), (hook(url=""),), (FUNCTION,)):
            self.begin(*webhooks)
            facts = self.hooks.facts
            self.assertFalse(facts.wants(self.app, "channel_occupied"))
        self.begin(hook(channel_prefix="private-"))
        self.open().subscribe("news")
        self.assertTrue(self.hooks.facts.idle)

    def test_changed_webhooks(self) -> None:
        """Webhooks that change count from the next event on; what goes to one that is gone is a dead letter, and told."""
        self.occupy(1)
        self.change_app(webhooks=(hook(url="http://new"),))
        with capturedLogs() as said:
            self.assertEqual(self.posts(), [])
        (letter,) = self.queue.dead(9)
        self.assertEqual((letter.reason, letter.job.attempt), ("its webhook is not configured any more", 0))
        told = next(event for event in said if event.get("delivery"))
        self.assertEqual((told["url"], told["delivery"], told["app"]), (URL, letter.job.id, "app"))
        self.assertEqual(self.hooks.tally.counts["app", "channel_occupied", "failed"], 1)
        peer = self.open()
        self.engine.apps_changed()
        peer.subscribe("more")
        self.assertEqual([post.url for post in self.posts()], ["http://new"])

    def test_crowd(self) -> None:
        """However many facts come at once, nothing is lost, and no turn of the reactor writes many of them."""
        self.begin(hook("client_event"))
        peer = self.open()
        peer.subscribe("private-a")
        put = self.queue.put
        sizes: list[int] = []
        self.queue.put = lambda jobs: sizes.append(sum(len(job.events) for job in jobs)) or put(jobs)  # type: ignore[method-assign,func-returns-value]
        self.change_app(max_client_events_per_second=0, webhooks=(hook("client_event"),))
        self.engine.apps_changed()
        for _ in range(5000):
            peer.say('{"event":"client-x","channel":"private-a"}')
        self.assertEqual(sizes, [])
        self.assertEqual(sum(len(post.events) for post in self.posts()), 5000)
        self.assertLessEqual(max(sizes), 600)

    def test_slow_disk(self) -> None:
        """What comes while the queue is busy goes to it in one go, however slow its disk is."""
        self.begin(hook("channel_occupied"), batching=False)
        put = self.queue.put
        puts: list[tuple[int, Deferred[None]]] = []

        def slow(jobs: Sequence[WebhookJob]) -> Deferred[None]:
            put(jobs)
            puts.append((len(jobs), Deferred()))
            return puts[-1][1]

        self.queue.put = slow  # type: ignore[method-assign,assignment]
        self.occupy(1)
        self.posts()
        self.occupy(151)
        self.assertEqual(self.posts(), [])
        puts[0][1].callback(None)
        self.assertEqual(len(self.posts()), 150)
        self.assertEqual([size for size, _ in puts], [1, 150])
        puts[1][1].callback(None)
        self.assertTrue(self.hooks.facts.idle)

    def test_queue_is_full(self) -> None:
        """What a full queue drops is counted as dropped."""
        self.begin(hook("channel_occupied"), batching=False)
        self.queue._capacity = 3
        self.queue.take = lambda most, busy, tired: []  # type: ignore[method-assign]
        self.occupy(10)
        self.posts()
        self.assertEqual(self.hooks.tally.counts["app", "channel_occupied", "dropped"], 7)

    def test_queue_refuses(self) -> None:
        """A queue that does not accept is asked again; the order is kept, and nobody who acts notices."""

        def refuse(jobs: object) -> None:
            raise BackendError("full disk")

        put, self.queue.put = self.queue.put, refuse  # type: ignore[method-assign]
        self.occupy(3)
        self.assertEqual(self.names(5), [])
        self.queue.put = put  # type: ignore[method-assign]
        self.occupy(5)
        self.assertEqual(self.names(2), ["channel_occupied"] * 5)
