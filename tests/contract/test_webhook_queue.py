"""Every driver of `IWebhookQueue` against its promises."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from sockudo_tx.backends import factory
from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.backends.sqlite.webhook_queue import SqliteWebhookQueue
from sockudo_tx.config.schema import Config
from sockudo_tx.interfaces import IWebhookQueue, WebhookJob

from .webhook_queue_case import CAPACITY, DEAD_CAPACITY, QueueCase, job, names, webhook_queue_contract


def _memory(case: QueueCase) -> MemoryWebhookQueue:
    return MemoryWebhookQueue(case.clock, CAPACITY, DEAD_CAPACITY)


def _sqlite(case: QueueCase) -> SqliteWebhookQueue:
    from twisted.internet import reactor

    return SqliteWebhookQueue(case.mktemp(), reactor, case.clock, CAPACITY, DEAD_CAPACITY)


class MemoryWebhookQueueTests(webhook_queue_contract(_memory)):  # type: ignore[misc]  # a class made by a function
    """The queue in this process."""


class SqliteWebhookQueueTests(webhook_queue_contract(_sqlite)):  # type: ignore[misc]  # a class made by a function
    """The queue in a file."""


class Busy(set[str]):
    """Busy hooks, which note in `looked` what they are asked for."""

    def __init__(self, hooks: Iterable[str], looked: list[str]) -> None:
        super().__init__(hooks)
        self._looked = looked

    def __contains__(self, hook: object) -> bool:
        self._looked.append(str(hook))
        return super().__contains__(hook)


class MemoryBoundsTests(TestCase):
    """What the memory driver does not keep."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.lost: list[WebhookJob] = []

    def test_told_once(self) -> None:
        """Dropped jobs are counted each, and told once a minute."""
        queue = MemoryWebhookQueue(self.clock, 3)
        queue.listen(lambda: None, self.lost.append)
        with capturedLogs() as said:
            queue.put([job(f"n{number}") for number in range(10)])
            self.assertEqual((queue.dropped, names(self.lost)[0], queue.depth()), (7, "n0", 3))
            self.assertEqual([event["dropped"] for event in said], [1])
            self.clock.advance(61)
            queue.put([job("late")])
        self.assertEqual([event["dropped"] for event in said], [1, 8])

    def test_delayed_ones_are_dropped_too(self) -> None:
        """The oldest goes, whether it waits for a receiver or for its time; nothing of it comes back."""
        queue = MemoryWebhookQueue(self.clock, 2)
        queue.put([job("a"), job("b")])
        for each in queue.take(2, ()):
            queue.retry(each, 5)
        queue.put([job("c")])
        self.clock.advance(6)
        self.assertEqual(names(queue.take(9, ())), ["b", "c"])

    def test_dropped_behind_an_older_one(self) -> None:
        """What an earlier life left may come later and leave first; then the oldest of this one is not its first."""
        queue = MemoryWebhookQueue(self.clock, 2)
        queue.put([job("a"), job("b")])
        queue.restore(job("old"), order=-5)
        self.assertEqual(names(queue.take(9, ())), ["old", "b"])

    def test_dropped_and_back(self) -> None:
        """A job that was dropped while it waited for its time, and came back, is given once."""
        queue = MemoryWebhookQueue(self.clock, 2)
        queue.put([job("a")])
        queue.retry(queue.take(1, ())[0], 5)
        queue.put([job("b"), job("c")])
        for each in queue.take(9, ()):
            queue.done(each)
        queue.put([job("a")])
        self.clock.advance(6)
        self.assertEqual(names(queue.take(9, ())), ["a"])

    def test_characters(self) -> None:
        """However few the jobs, their texts together are bounded; a single one is always kept."""
        queue = MemoryWebhookQueue(self.clock, size_limit=100)
        large = WebhookJob("large", "app", "x", 1, ("x" * 1000,))
        queue.put([job("a"), large])
        self.assertEqual(queue.take(9, ()), [large])
        for name in ("b", "c"):
            queue.bury(large._replace(id=name), "why")
        self.assertEqual([letter.job.id for letter in queue.dead(9)], ["c"])

    def test_busy_hooks_cost_one_step(self) -> None:
        """What waits for a busy hook is not looked at: a hundred thousand jobs of it cost a take what ten cost."""
        looked: list[str] = []
        queue = MemoryWebhookQueue(self.clock)
        queue.put([job(f"n{number}", "dead") for number in range(20_000)])
        queue.put([job("good", "good")])
        self.assertEqual(names(queue.take(1, Busy({"dead"}, looked))), ["good"])
        self.assertEqual(looked, ["dead", "good"])

    def test_busy_hooks_are_passed_once(self) -> None:
        """However many hooks are busy, a take meets each once, and again when it is not busy any more."""
        looked: list[str] = []
        queue = MemoryWebhookQueue(self.clock)
        hooks = [f"hook {number}" for number in range(1000)]
        queue.put([job(f"n{number}", hook) for number, hook in enumerate(hooks)])
        self.assertEqual(queue.take(9, Busy(hooks, looked)), [])
        self.assertEqual(queue.take(9, Busy(hooks, looked)), [])
        self.assertEqual(len(looked), 1000)
        self.assertEqual(names(queue.take(9, Busy(hooks[:500] + hooks[502:], looked))), ["n500", "n501"])
        self.assertEqual(names(queue.take(3, Busy((), looked))), ["n0", "n1", "n2"])

    def test_outdated_heads_are_bounded(self) -> None:
        """A hook whose first job is tried again and again leaves nothing behind."""
        queue = MemoryWebhookQueue(self.clock)
        queue.put([job(f"n{number}") for number in range(50)])
        for _ in range(2000):
            queue.retry(queue.take(1, ())[0], 0)
        self.assertLess(len(queue._heads), 200)

    def test_closed(self) -> None:
        """After `close` there is nothing to take, and no timer is left."""
        queue = MemoryWebhookQueue(self.clock)
        queue.put([job("a"), job("b")])
        queue.retry(queue.take(1, ())[0], 5)
        queue.close()
        self.assertEqual((queue.take(9, ()), self.clock.getDelayedCalls()), ([], []))


class NoQueueTests(TestCase):
    """`queue.driver: none`"""

    def test_nothing_waits(self) -> None:
        """Whatever is put is forgotten, without complaint."""
        config = msgspec.convert({"queue": {"driver": "none"}}, Config)
        queue = IWebhookQueue(factory(IWebhookQueue, config.queue.driver)(config, Clock()))
        verifyObject(IWebhookQueue, queue)
        queue.put([job("a")])
        self.assertEqual((queue.take(9, ()), queue.depth(), queue.health()), ([], 0, True))

    def test_by_name(self) -> None:
        """`memory` is the queue in this process."""
        queue = IWebhookQueue(factory(IWebhookQueue, "memory")(Config(), Clock()))
        self.assertIsInstance(queue, MemoryWebhookQueue)
