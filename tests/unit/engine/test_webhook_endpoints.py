"""What a healthy endpoint gets beside what it refuses, and beside many that hang; and what becomes of it all at the end."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from sockudo_tx.interfaces import Outcome
from sockudo_tx.testing import fixture_app

from .webhook_case import BAD, GOOD, SILENT, Attempt, WebhookCase, hook

WELL, OTHER = "http://well", "http://well #2"


class PoisonTests(WebhookCase):
    """A receiver that is well, and refuses some events"""

    webhooks = (hook("channel_occupied", url=WELL),)

    def setUp(self) -> None:
        super().setUp()
        self.refuse()

    def refuse(self, outcome: Outcome = BAD) -> None:
        """From now on it refuses whatever has `poison` in it. It takes some milliseconds for each answer."""

        def answer() -> Deferred[Outcome]:
            told: Deferred[Outcome] = Deferred()
            self.clock.callLater(
                0.005, told.callback, outcome if b"poison" in self.endpoints.attempts[-1].body else GOOD
            )
            return told

        self.endpoints.answers[WELL] = answer

    def occupy(self, *channels: str) -> None:
        peer = self.open()
        for channel in channels:
            peer.subscribe(channel)
            self.advance(0.1)

    def good(self, posts: list[Attempt]) -> dict[str, float]:
        return {post.events[0]["channel"]: post.at for post in posts if b"poison" not in post.body}

    def test_few(self) -> None:
        """A few events that it refuses delay no other, neither at first nor when they are tried again."""
        self.occupy(*(f"poison-{number}" for number in range(6)))
        start = self.clock.seconds()
        for number in range(400):
            self.occupy(f"good-{number}")
            self.advance(0.9)
        self.assertAlmostEqual(self.clock.seconds() - start, 400, places=3)
        posts = self.posts(0)
        heard = self.good(posts)
        first = heard["good-0"]
        self.assertLess(max(abs(heard[f"good-{number}"] - first - number) for number in range(400)), 0.2)
        self.assertEqual((len(heard), self.queue.depth(), len(self.queue.dead(99))), (400, 0, 6))
        self.assertEqual(len(posts), 400 + 6 * 10)

    def test_many_in_a_row(self) -> None:
        """What comes behind hundreds that it refuses arrives, and all of those were asked first."""
        self.occupy(*(f"poison-{number}" for number in range(300)), "good")
        posts = self.posts(30)
        self.assertEqual(list(self.good(posts)), ["good"])
        self.assertEqual(len({post.body for post in posts}), 301)
        self.posts(600)

    def test_two_webhooks(self) -> None:
        """Webhooks of one address have their turn each, however much of the other is refused."""
        self.begin(
            hook("channel_occupied", url=WELL, channel_prefix="poison"),
            hook("channel_occupied", url=WELL, channel_prefix="good"),
            batching=False,
        )
        self.refuse(SILENT)
        self.occupy(*(f"poison-{number}" for number in range(30)), *(f"good-{number}" for number in range(10)))
        heard = self.good(self.posts(5))
        self.assertEqual(len(heard), 10)
        self.posts(600)

    def test_in_order(self) -> None:
        """First attempts are in order of acceptance, whatever comes between them, and while the circuit is open."""
        names = [f"{'poison' if number % 50 < 25 else 'good'}-{number}" for number in range(200)]
        self.occupy(*names)
        firsts: dict[str, None] = {}
        for post in self.posts(60):
            firsts.setdefault(post.events[0]["channel"])
        self.assertEqual(list(firsts), names)
        self.posts(600)

    def test_tried_again_all_the_same(self) -> None:
        """Deliveries that failed have their turn while others keep coming to an endpoint that has no time."""
        self.begin(*self.webhooks, batching=False)
        answers = [BAD] + [GOOD] * 10_000
        hanging: list[Deferred[Outcome]] = []
        self.endpoints.answers[WELL] = lambda: hanging.append(Deferred()) or hanging[-1]  # type: ignore[func-returns-value]
        peer = self.open()
        for number in range(200):
            peer.subscribe(f"room-{number}")
            peer.subscribe(f"more-{number}")
            self.advance(0.05)
            hanging.pop(0).callback(answers.pop(0))
        heard = [post.events[0]["channel"] for post in self.endpoints.attempts]
        self.assertEqual(heard.count("room-0"), 2)
        while hanging:
            hanging.pop(0).callback(GOOD)
            self.advance(0)


class CrowdTests(WebhookCase):
    """Hundreds of endpoints that take an attempt and never answer"""

    def hang(self, number: int) -> Callable[[], None]:
        """A good one and so many others; the function has every attempt that hangs end after ten seconds."""
        urls = [f"http://hangs-{index}" for index in range(number)]
        hooks = [hook("channel_occupied", url=url, channel_prefix="dead") for url in urls]
        self.begin(hook("channel_occupied", url=WELL, channel_prefix="good"), *hooks, batching=False)
        self.flying = 0
        for url in urls:
            self.endpoints.answers[url] = self.attempt

    def attempt(self) -> Deferred[Outcome]:
        answer: Deferred[Outcome] = Deferred()
        self.flying += 1
        self.assertLessEqual(self.flying, 256)

        def over() -> None:
            self.flying -= 1
            answer.callback(SILENT)

        self.clock.callLater(10, over)
        return answer

    def test_delays_nobody(self) -> None:
        """An endpoint that answers is told at once beside three hundred that hang, for as long as they do."""
        self.hang(300)
        peer = self.open()
        peer.subscribe("good-first")
        self.advance(0.05)
        for number in range(300):
            if number % 10 == 0:
                peer.subscribe(f"dead-{number}")
            peer.subscribe(f"good-{number}")
            self.advance(0.05)
            heard = {post.events[0]["channel"] for post in self.posts(0) if post.url == WELL}
            self.assertIn(f"good-{number}", heard)
        self.assertGreater(self.flying, 100)
        self.posts(900)
        self.assertEqual((self.flying, self.queue.depth()), (0, 0))

    def test_new_ones(self) -> None:
        """An endpoint that was never asked finds room beside many that are known to hang."""
        self.hang(250)
        peer = self.open()
        for number in range(20):
            peer.subscribe(f"dead-{number}")
            self.advance(1)
        peer.subscribe("good")
        self.assertIn(WELL, [post.url for post in self.posts(0.05)])
        self.posts(900)

    def test_everybody_is_asked(self) -> None:
        """Nobody starves: of three hundred that hang, each is asked."""
        self.hang(300)
        self.open().subscribe("dead")
        posts = self.posts(60)
        self.assertEqual(len({post.url for post in posts}), 300)
        self.posts(900)


class EndTests(WebhookCase):
    """What is told at the end, and what becomes of a delivery whose webhook or app is gone"""

    webhooks = (hook("channel_occupied", url=WELL),)

    def test_drained_behind_a_breaker(self) -> None:
        """What was never attempted is attempted at the end, though the endpoint has failed too often just now."""
        self.begin(*self.webhooks, batching=False)
        self.endpoints.answers[WELL] = lambda: SILENT
        peer = self.open()
        for number in range(50):
            peer.subscribe(f"room-{number}")
        self.assertLess(len(self.posts(0.5)), 10)
        self.endpoints.answers[WELL] = lambda: GOOD
        drained = self.hooks.drain()
        posts = self.posts(0.1)
        self.assertIsNone(self.successResultOf(drained))
        self.assertGreater(len({post.body for post in posts}), 40)
        self.posts(10)

    def test_another_attempt_at_the_end(self) -> None:
        """What failed is attempted once more, instead of being lost before its next attempt is due."""
        self.begin(*self.webhooks)
        self.endpoints.answers[WELL] = lambda: BAD
        self.open().subscribe("news")
        self.assertEqual(len(self.posts(0.9)), 1)
        del self.endpoints.answers[WELL]
        drained = self.hooks.drain()
        self.assertEqual(len(self.posts(0.1)), 1)
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual(self.queue.depth(), 0)

    def test_kept_behind_a_breaker(self) -> None:
        """A durable queue keeps it for the next start instead."""
        self.begin(*self.webhooks, batching=False)
        self.queue.durable = True
        self.endpoints.answers[WELL] = lambda: SILENT
        peer = self.open()
        for number in range(50):
            peer.subscribe(f"room-{number}")
        self.posts(0.5)
        drained = self.hooks.drain()
        self.assertEqual(self.posts(0.1), [])
        self.assertIsNone(self.successResultOf(drained))
        self.posts(900)

    def test_cut_off(self) -> None:
        """Attempts that we cut off ourselves say nothing about an endpoint, and nothing is said of it."""
        hanging: list[Deferred[Outcome]] = []
        self.begin(*self.webhooks, batching=False)
        self.endpoints.answers[WELL] = lambda: hanging.append(Deferred()) or hanging[-1]  # type: ignore[func-returns-value]
        peer = self.open()
        for number in range(20):
            peer.subscribe(f"room-{number}")
        self.posts()
        with capturedLogs() as said:
            self.successResultOf(self.hooks.close())
            while hanging:
                hanging.pop(0).callback(Outcome(False, None, "the server is stopping"))
        self.assertEqual([event["log_format"] for event in said if "url" in event], [])
        self.assertEqual(self.hooks.tally.counts["app", "channel_occupied", "retry"], 0)

    def test_replayed(self) -> None:
        """Dead letters made due again are delivered, though their endpoint had failed until they were given up; one that
        answers hears them all in any case."""
        for outcome, after in ((SILENT, GOOD), (BAD, BAD)):
            self.begin(*self.webhooks, batching=False)
            self.endpoints.answers[WELL] = lambda outcome=outcome: outcome  # type: ignore[misc]
            peer = self.open()
            for number in range(30):
                peer.subscribe(f"room-{number}")
            self.posts(900)
            self.assertEqual((len(self.queue.dead(99)), self.queue.depth()), (30, 0))
            self.endpoints.answers[WELL] = lambda after=after: after  # type: ignore[misc]
            for letter in self.queue.dead(99):
                self.queue.revive(letter.job.id)
            self.assertEqual(len({post.body for post in self.posts(5)}), 30)
            self.posts(900)

    def test_app_gone(self) -> None:
        """What an app that is gone was to be told is dropped, and the log says what."""
        self.open().subscribe("news")
        self.store.replace([fixture_app(id="another")])
        with capturedLogs() as said:
            self.assertEqual(self.posts(), [])
        (told,) = (event for event in said if event.get("delivery"))
        self.assertEqual((told["log_format"], told["url"]), ("webhook dropped: its app is gone", WELL))
        self.assertEqual((self.queue.depth(), self.queue.dead(9)), (0, []))
