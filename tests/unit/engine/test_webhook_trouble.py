"""Webhooks beside a queue that is slow or fails, an app store with a bug, and more endpoints than are kept apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.engine.webhooks import endpoints
from sockudo_tx.interfaces import Answer, BackendError, Outcome, WebhookJob
from sockudo_tx.protocol.app import App

from .webhook_case import BAD, GOOD, SILENT, WebhookCase, hook

WELL = "http://well"


class FarQueue(MemoryWebhookQueue):
    """Looks for jobs at once, and answers `take` after `seconds`; not at all while `down`."""

    seconds = 0.0
    down = False

    def take(  # type: ignore[override]  # as drivers may that ask somebody
        self, most: int, busy: Collection[str], tired: Collection[str] = ()
    ) -> Answer[list[WebhookJob]]:
        if self.down:
            raise BackendError("gone")
        jobs = super().take(most, busy, tired)
        if not self.seconds:
            return jobs
        answer: Deferred[list[WebhookJob]] = Deferred()
        self._clock.callLater(self.seconds, answer.callback, jobs)
        return answer


class FarQueueTests(WebhookCase):
    """A queue on another machine"""

    webhooks = (hook("channel_occupied", url=WELL),)
    queues = FarQueue

    def begin(self, *webhooks: object, **settings: object) -> None:
        super().begin(*self.webhooks, batching=False)
        self.peer = self.open()

    def test_put_while_it_answers(self) -> None:
        """What comes while the queue is being asked is asked for next, though the answer was that there is nothing."""
        self.queue.seconds = 0.1
        self.queue._wake()
        self.advance(0.05)
        self.peer.subscribe("news")
        self.assertEqual(len(self.posts(0.2)), 1)
        self.advance(1)

    def test_gone(self) -> None:
        """A queue that fails is asked again after a second, and sooner when something is put."""
        self.queue.down = True
        self.peer.subscribe("first")
        self.assertEqual(self.posts(0.1), [])
        self.queue.down = False
        self.assertEqual(self.posts(0.8), [])
        self.assertEqual(len(self.posts(0.2)), 1)
        self.queue.down = True
        self.peer.subscribe("second")
        self.advance(0.1)
        self.queue.down = False
        self.peer.subscribe("third")
        self.assertEqual(len(self.posts(0.1)), 2)

    def test_gone_at_the_end(self) -> None:
        """At the end it is asked at once, and no timer is left."""
        self.queue.down = True
        self.peer.subscribe("news")
        self.advance(0.1)
        self.queue.down = False
        drained = self.hooks.drain()
        self.assertEqual(len(self.posts(0.1)), 1)
        self.assertIsNone(self.successResultOf(drained))

    def test_never_there(self) -> None:
        """What a queue does not accept until the end is told as lost, leaves no timer behind, and nothing follows it."""
        self.queue.put = self._refuse  # type: ignore[method-assign]
        self.hooks.adjust(self.hooks.facts.settings._replace(batching=True, batch_seconds=5))
        self.peer.subscribe("first")
        self.hooks.facts.flush()
        self.advance(0.5)
        self.peer.subscribe("second")
        self.peer.subscribe("third")
        with capturedLogs() as said:
            self.successResultOf(self.hooks.close())
            self.peer.subscribe("fourth")
        self.assertEqual([event["lost"] for event in said if "lost" in event], [3])
        left = [call.func.__qualname__ for call in self.clock.getDelayedCalls()]
        self.assertEqual([name for name in left if name.startswith("Collector")], [])

    def test_answers_too_late(self) -> None:
        """What a queue says after the end is heard, and not acted upon."""
        answer: Deferred[None] = Deferred()
        self.queue.put = lambda jobs: answer  # type: ignore[method-assign,assignment,return-value]
        self.peer.subscribe("first")
        self.advance(0.1)
        self.successResultOf(self.hooks.close())
        before = list(self.clock.getDelayedCalls())
        answer.errback(BackendError("gone"))
        self.assertEqual(self.clock.getDelayedCalls(), before)
        self.hooks.facts._spill.clear()

    def _refuse(self, jobs: Sequence[WebhookJob]) -> None:
        raise BackendError("gone")


class BugTests(WebhookCase):
    """Bugs of ours"""

    webhooks = (hook("channel_occupied", url=WELL),)

    def test_store(self) -> None:
        """A bug in the app store is logged, and costs an attempt; what waits goes on."""
        self.begin(*self.webhooks, batching=False)
        peer = self.open()
        for number in range(6):
            peer.subscribe(f"room-{number}")
        by_id, bugs = self.store.by_id, [ValueError("bug") for _ in range(10)]

        def broken(app_id: str) -> App | None:
            if bugs:
                raise bugs.pop()
            return by_id(app_id)

        self.store.by_id = broken  # type: ignore[method-assign]
        self.assertEqual(len({post.body for post in self.posts(20)}), 6)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 10)
        self.assertEqual(self.queue.depth(), 0)

    def test_settling(self) -> None:
        """A delivery that cannot be settled takes nobody's place."""
        self.begin(*self.webhooks, batching=False)
        done, bugs = self.queue.done, [ValueError("bug")] * 8

        def broken(job: WebhookJob) -> None:
            if bugs:
                raise bugs.pop()
            done(job)

        self.queue.done = broken  # type: ignore[method-assign]
        peer = self.open()
        for number in range(12):
            peer.subscribe(f"room-{number}")
        self.assertEqual(len(self.posts(20)), 12)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 8)


class ManyTests(WebhookCase):
    """Many endpoints, and many attempts"""

    def occupy(self, number: int, prefix: str = "room") -> None:
        peer = self.open()
        for index in range(number):
            peer.subscribe(f"{prefix}-{index}")
            self.advance(0)

    def test_kept_apart(self) -> None:
        """No more endpoints have something here than are kept apart; the others have their turn."""
        self.patch(endpoints, "_KNOWN_AT_MOST", 20)
        urls = [f"http://host-{index}" for index in range(200)]
        self.begin(*(hook("channel_occupied", url=url) for url in urls), batching=False)
        hanging: list[Deferred[Outcome]] = []
        for url in urls:
            self.endpoints.answers[url] = lambda: hanging.append(Deferred()) or hanging[-1]  # type: ignore[func-returns-value]
        self.occupy(1)
        self.advance(0.1)
        self.assertLess(len(hanging), 20 + 16)
        while hanging:
            hanging.pop(0).callback(GOOD)
            self.advance(0)
        self.assertEqual(len({post.url for post in self.posts(1)}), 200)
        self.assertLessEqual(len(self.hooks._dispatcher._endpoints._known), 20)

    def test_refusing_together(self) -> None:
        """A hundred endpoints that refuse everything cost fifty attempts a second, and one alone ten."""
        urls = [f"http://refuses-{index}" for index in range(100)]
        self.begin(
            hook("channel_occupied", url=WELL, channel_prefix="late"),
            *(hook("channel_occupied", url=url, channel_prefix="room") for url in urls),
            batching=False,
            retrying=False,
        )
        for url in (WELL, *urls):
            self.endpoints.answers[url] = lambda: BAD
        self.occupy(30)
        self.posts(10)
        self.assertAlmostEqual(len(self.posts(10)) / 10, 50, delta=10)
        self.posts(300)
        self.occupy(100, "late")
        self.posts(2)
        self.assertAlmostEqual(len(self.posts(5)) / 5, 10, delta=1)
        self.posts(60)

    def test_repeats_leave_room(self) -> None:
        """However many deliveries hang when they are tried again, new ones reach their endpoint."""
        self.begin(hook("channel_occupied", url=WELL), batching=False)
        tried: set[bytes] = set()

        def answer() -> Outcome | Deferred[Outcome]:
            body = self.endpoints.attempts[-1].body
            if b"poison" not in body:
                return GOOD
            if body not in tried:
                tried.add(body)
                return BAD
            late: Deferred[Outcome] = Deferred()
            self.clock.callLater(9, late.callback, GOOD)
            return late

        self.endpoints.answers[WELL] = answer
        peer = self.open()
        for number in range(4):
            peer.subscribe(f"poison-{number}")
            peer.subscribe(f"good-{number}")
            self.advance(0)
        self.posts(3)
        peer.subscribe("good-late")
        self.assertEqual(len(self.posts(0.1)), 1)
        self.posts(30)

    def test_stopped_in_a_pause(self) -> None:
        """A stop leaves no timer behind of an endpoint that is left alone just now."""
        self.begin(hook("channel_occupied", url=WELL), batching=False)
        self.endpoints.answers[WELL] = lambda: SILENT
        self.occupy(20)
        self.advance(0.5)
        self.assertGreater(self.hooks._dispatcher.under_way, 0)
        self.successResultOf(self.hooks.close())
        left = [call.func.__qualname__ for call in self.clock.getDelayedCalls()]
        self.assertEqual([name for name in left if name.startswith("Dispatcher")], [])

    def test_given_up(self) -> None:
        """Nothing is under way when everything has been given up."""
        self.begin(hook("channel_occupied", url=WELL), batching=False)
        self.endpoints.answers[WELL] = lambda: SILENT
        self.occupy(50)
        self.posts(900)
        self.assertEqual((self.queue.depth(), self.hooks._dispatcher.under_way), (0, 0))
