"""Attempts: in which order, how many at once, how often, and what a dead endpoint costs others (http-api.md 12.5)."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail

from sockudo_tx.engine.webhooks.breaker import Breaker
from sockudo_tx.interfaces import Outcome

from .webhook_case import BAD, GOOD, SILENT, WebhookCase, hook

DEAD, WELL = "http://dead", "http://well"


class RetryTests(WebhookCase):
    """One delivery"""

    webhooks = (hook("channel_occupied", url=DEAD),)

    def occupy(self, *channels: str) -> None:
        peer = self.open()
        for channel in channels:
            peer.subscribe(channel)

    def test_H115_retries(self) -> None:
        """Endpoint answers 500 twice then 200: attempts at 0, 1, 3 s (jitter switched off) with identical bytes; always
        500: last attempt no later than 300 s."""
        answers = [BAD, BAD, GOOD]
        self.endpoints.answers[DEAD] = lambda: answers.pop(0)
        self.occupy("news")
        posts = self.posts(60)
        first = posts[0].at
        self.assertEqual([round(post.at - first, 1) for post in posts], [0, 1, 3])
        self.assertEqual(len({(post.body, post.headers["X-Sockudo-Delivery"]) for post in posts}), 1)
        counts = self.hooks.tally.counts
        self.assertEqual([counts["app", "channel_occupied", what] for what in ("ok", "retry", "failed")], [1, 2, 0])

        self.endpoints.answers[DEAD] = lambda: BAD
        self.occupy("other")
        posts = self.posts(1000)
        times = [round(post.at - posts[0].at) for post in posts]
        self.assertEqual(times, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
        (letter,) = self.queue.dead(10)
        self.assertEqual((letter.job.attempt, letter.reason), (10, "the answer was 500"))
        self.assertEqual(counts["app", "channel_occupied", "failed"], 1)

    def test_few_attempts(self) -> None:
        """`max_attempts` counts the first; without retries there is one."""
        for settings, attempts in (({"max_attempts": 3}, 3), ({"retrying": False}, 1), ({"give_up_after": 2.0}, 2)):
            self.begin(*self.webhooks, **settings)
            self.endpoints.answers[DEAD] = lambda: BAD
            self.occupy("news")
            self.assertEqual(len(self.posts(500)), attempts)
            self.assertEqual(len(self.queue.dead(10)), 1)

    def test_sender_breaks(self) -> None:
        """A bug in a sender is a failed attempt, and is logged."""
        answers = [fail(ValueError("bug")), GOOD]
        self.endpoints.answers[DEAD] = lambda: answers.pop(0)  # type: ignore[return-value]
        self.occupy("news")
        self.assertEqual(len(self.posts(10)), 2)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class CrowdTests(WebhookCase):
    """Several endpoints"""

    def occupy(self, number: int, prefix: str = "room") -> None:
        peer = self.open()
        for index in range(number):
            peer.subscribe(f"{prefix}-{index}")
            self.advance(0)

    def test_H116_hanging(self) -> None:
        """Endpoint hangs: attempt fails after 10 s; 20 hanging endpoints do not stop delivery to a healthy one."""
        dead = [f"http://dead-{index}" for index in range(20)]
        self.begin(*(hook("channel_occupied", url=url) for url in (*dead, WELL)), batching=False)
        hanging: list[Deferred[Outcome]] = []
        for url in dead:
            self.endpoints.answers[url] = lambda: hanging.append(Deferred()) or hanging[-1]  # type: ignore[func-returns-value]
        self.occupy(50)
        posts = self.posts(0.05)
        self.assertEqual(sum(post.url == WELL for post in posts), 50)
        for url in dead:
            self.assertEqual(sum(post.url == url for post in posts), 4)
        for url in dead:
            self.endpoints.answers[url] = lambda: BAD
        for each in hanging:
            each.callback(BAD)
        self.posts(500)
        self.assertEqual(len(self.queue.dead(10_000)), 20 * 50)

    def test_in_all(self) -> None:
        """At most 256 attempts are in flight, at endpoints that answer, and the rest follows in order."""
        urls = [f"http://slow-{index}" for index in range(70)]
        self.begin(*(hook("channel_occupied", url=url) for url in urls), batching=False)
        self.occupy(1, "first")
        self.assertEqual(len(self.posts()), 70)
        hanging: list[Deferred[Outcome]] = []
        for url in urls:
            self.endpoints.answers[url] = lambda: hanging.append(Deferred()) or hanging[-1]  # type: ignore[func-returns-value]
        self.occupy(5)
        self.advance(0.5)
        self.assertEqual(len(hanging), 192)
        most = 0
        while hanging:
            hanging.pop(0).callback(GOOD)
            self.advance(0.01)
            most = max(most, len(hanging))
        self.assertLessEqual(most, 256)
        for url in urls:
            heard = [post.events[0]["channel"] for post in self.endpoints.attempts if post.url == url]
            self.assertEqual(heard, [f"room-{index}" for index in range(5)])

    def test_circuit(self) -> None:
        """An endpoint that never answers is asked once in a while; when it is well again, it hears everything."""
        self.begin(hook("channel_occupied", url=DEAD), hook("channel_occupied", url=WELL), batching=False)
        self.endpoints.answers[DEAD] = lambda: SILENT
        for index in range(100):
            self.occupy(2, f"a{index}")
            self.advance(1)
        posts = self.posts(0)
        self.assertEqual(sum(post.url == WELL for post in posts), 200)
        self.assertLess(sum(post.url == DEAD for post in posts), 20)
        del self.endpoints.answers[DEAD]
        posts = self.posts(120)
        self.assertEqual(len({event["channel"] for post in posts for event in post.events}), 200)
        self.assertEqual((self.queue.dead(10), self.queue.depth()), ([], 0))

    def test_refusals(self) -> None:
        """An endpoint that answers, and refuses everything, is asked each thing once, and few of them again."""
        self.begin(hook("channel_occupied", url=DEAD), batching=False)
        self.endpoints.answers[DEAD] = lambda: BAD
        for index in range(100):
            self.occupy(2, f"a{index}")
            self.advance(1)
        self.assertEqual(len({post.body for post in self.endpoints.attempts}), 200)
        self.assertLess(len(self.posts(0)), 230)
        del self.endpoints.answers[DEAD]
        self.assertEqual(len({post.body for post in self.posts(120)}), 200)

    def test_long_backlog(self) -> None:
        """Thousands of deliveries to a dead endpoint wait in the queue, untouched, until it is too late for them."""
        self.begin(hook("channel_occupied", url=DEAD), batching=False)
        self.endpoints.answers[DEAD] = lambda: SILENT
        retry, given_back = self.queue.retry, []
        self.queue.retry = lambda job, delay: given_back.append(job) or retry(job, delay)  # type: ignore[method-assign,func-returns-value]
        peer = self.open()
        for index in range(1000):
            peer.subscribe(f"room-{index}")
        self.assertLess(len(self.posts(250)), 20)
        self.assertLess(len(given_back), 20)
        self.assertGreater(self.queue.depth(), 950)
        self.posts(500)
        self.assertEqual((len(self.queue.dead(10_000)), self.queue.depth()), (1000, 0))

    def test_drained(self) -> None:
        """At the end everything told is attempted; what failed is not waited for."""
        self.begin(hook("channel_occupied", url=DEAD), hook("channel_occupied", url=WELL), batch_seconds=3)
        self.endpoints.answers[DEAD] = lambda: BAD
        self.occupy(3)
        drained = self.hooks.drain()
        self.advance(0.1)
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual({post.url for post in self.posts(0)}, {DEAD, WELL})
        self.assertEqual(self.queue.depth(), 1)
        self.hooks.adjust(self.hooks.facts.settings._replace(give_up_after=0))
        self.posts(10)


class BreakerTests(WebhookCase):
    """`Breaker`"""

    def test_half_open(self) -> None:
        """Five failures in a row open it, for longer each time; one success closes it."""
        breaker = Breaker()
        opened = [breaker.failed(0, first=True, rest=None) for _ in range(7)]
        self.assertEqual(opened, [False] * 4 + [True, False, False])
        self.assertEqual((breaker.pause(0), breaker.pause(0.75), breaker.pause(1)), (1, 0.25, 0))
        self.assertFalse(breaker.failed(1, first=True, rest=None))
        self.assertEqual((breaker.pause(1), breaker.tripped), (2, True))
        self.assertTrue(breaker.succeeded())
        self.assertEqual((breaker.pause(1), breaker.tripped), (0, False))
        self.assertFalse(breaker.succeeded())

    def test_repeats(self) -> None:
        """What fails again does not open it, but waits for longer each time, unless something succeeds in between."""
        breaker = Breaker()
        self.assertEqual({breaker.failed(0, first=False, rest=None) for _ in range(50)}, {False})
        self.assertEqual((breaker.tripped, breaker.pause(0), breaker.pause(0, first=False)), (False, 0, 1))
        breaker.failed(1, first=False, rest=0.1)
        self.assertEqual((breaker.pause(1), breaker.pause(1, first=False)), (0, 2))
        breaker.succeeded()
        self.assertEqual(breaker.pause(1, first=False), 0)

    def test_answers(self) -> None:
        """Who answers is left alone for a moment; with what was refused before, for longer each time."""
        breaker = Breaker()
        for _ in range(5):
            breaker.failed(0, first=True, rest=0.1)
        self.assertEqual((breaker.pause(0), breaker.pause(0, first=False)), (0.1, 1))
        for at, pause in ((1, 2), (3, 4), (7, 8)):
            breaker.failed(at, first=False, rest=0.1)
            self.assertAlmostEqual(breaker.pause(at), 0.1)
            self.assertEqual(breaker.pause(at, first=False), pause)
