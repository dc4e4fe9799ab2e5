"""The promises of `IWebhookQueue`, kept by every driver: one function from a way to make one to a TestCase."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from sockudo_tx.interfaces import Answer, IWebhookQueue, WebhookJob

__all__ = ["CAPACITY", "DEAD_CAPACITY", "QueueCase", "by_clock", "job", "names", "now", "webhook_queue_contract"]

T = TypeVar("T")
CAPACITY = 20
DEAD_CAPACITY = 5
"""What the queue under test must be made with."""


class QueueCase(TestCase):
    """What a driver's factory gets to see."""

    timeout = 20

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)


async def now(answer: Answer[T]) -> T:
    """The answer, waited for when it is still to come."""
    return await answer if isinstance(answer, Deferred) else answer


async def by_clock(case: QueueCase, seconds: float) -> None:
    """Time passes for drivers that take ours."""
    case.clock.advance(seconds)


def job(name: str, hook: str = "https://a.example/") -> WebhookJob:
    """A job with this name in its id and in its events, which are as odd as JSON allows."""
    return WebhookJob(f"{name:0>32}", "app", hook, 1_700_000_000_123, (f'{{"name":"{name}"}}', '{"ü":"\\n\U0001f600"}'))


def names(jobs: Iterable[WebhookJob]) -> list[str]:
    """The names that `job` was given."""
    return [each.id.lstrip("0") for each in jobs]


def webhook_queue_contract(  # noqa: C901 - one test after the other
    make: Callable[[QueueCase], IWebhookQueue],
    pass_time: Callable[[QueueCase, float], Coroutine[Any, Any, None]] = by_clock,
) -> type[QueueCase]:
    """Tests for the empty queues that `make` makes, with our capacities; `pass_time` waits."""

    class Contract(QueueCase):
        """`IWebhookQueue`"""

        def setUp(self) -> None:
            super().setUp()
            self.queue = make(self)
            self.addCleanup(self.queue.close)
            self.woken = 0
            self.lost: list[WebhookJob] = []
            self.queue.listen(self._wake, self.lost.append)

        def _wake(self) -> None:
            self.woken += 1

        async def _put(self, *jobs: WebhookJob) -> None:
            await now(self.queue.put(jobs))

        async def _take(self, most: int = 100, busy: Iterable[str] = (), tired: Iterable[str] = ()) -> list[WebhookJob]:
            return await now(self.queue.take(most, set(busy), set(tired)))

        async def _claim(self, name: str = "a") -> WebhookJob:
            await self._put(job(name))
            return (await self._take())[0]

        async def test_interface(self) -> None:
            """The driver provides the interface."""
            verifyObject(IWebhookQueue, self.queue)

        async def test_get_back(self) -> None:
            """What was put comes back unchanged, and whoever listens is told."""
            wanted = job("a")._replace(attempt=3, first_ms=1_700_000_000_000)
            await self._put(wanted, job("b", "lambda:eu-west-1:f"))
            self.assertEqual(await self._take(), [wanted, job("b", "lambda:eu-west-1:f")])
            self.assertTrue(self.woken)

        async def test_in_order(self) -> None:
            """Jobs leave in order of acceptance, whatever their hooks, and no more than asked for."""
            await self._put(job("a"), job("b", "other"))
            await self._put(job("c"))
            self.assertEqual(names(await self._take(2)), ["a", "b"])
            self.assertEqual(names(await self._take(2)), ["c"])

        async def test_claimed(self) -> None:
            """A claimed job is given to nobody else, and is not counted as waiting."""
            await self._put(job("a"), job("b"))
            await self._take(1)
            self.assertEqual(await now(self.queue.depth()), 1)
            self.assertEqual(names(await self._take()), ["b"])

        async def test_busy(self) -> None:
            """Jobs of a busy hook are passed, and are in their place when it is not busy any more."""
            await self._put(job("a", "x"), job("b", "y"), job("c", "x"), job("d", "z"))
            self.assertEqual(names(await self._take(1, ["x"])), ["b"])
            self.assertEqual(await self._take(9, ["x", "z"]), [])
            self.assertEqual(names(await self._take()), ["a", "c", "d"])

        async def test_tired(self) -> None:
            """Of a tired hook only those come that were never attempted, and of a busy one only the others."""
            await self._put(job("a"), job("b"), job("c"))
            for each in await self._take(2):
                await now(self.queue.retry(each._replace(attempt=1), 0))
            await self._put(job("d", "other"))
            self.assertEqual(names(await self._take(9, tired=[job("a").hook])), ["c", "d"])
            self.assertEqual(names(await self._take(1, busy=[job("a").hook])), ["a"])
            self.assertEqual(await self._take(9, tired=[job("a").hook]), [])
            self.assertEqual(names(await self._take()), ["b"])

        async def test_done(self) -> None:
            """What is done is gone."""
            await now(self.queue.done(await self._claim()))
            self.assertEqual(await self._take(), [])
            self.assertEqual(await now(self.queue.depth()), 0)

        async def test_retry(self) -> None:
            """A job that is to be tried again waits that long, and says how often it was tried; the listener is told."""
            claimed = (await self._claim())._replace(attempt=1, first_ms=5)
            await now(self.queue.retry(claimed, 4))
            self.assertEqual(await now(self.queue.depth()), 1)
            await pass_time(self, 3.5)
            self.assertEqual(await self._take(), [])
            before = self.woken
            await pass_time(self, 0.6)
            self.assertGreater(self.woken, before)
            self.assertEqual(await self._take(), [claimed])

        async def test_retry_at_once(self) -> None:
            """A job may be given back without a delay: it is in its old place, before younger ones."""
            claimed = await self._claim()
            await self._put(job("b"))
            before = self.woken
            await now(self.queue.retry(claimed, 0))
            self.assertGreater(self.woken, before)
            self.assertEqual(names(await self._take()), ["a", "b"])

        async def test_retry_among_others(self) -> None:
            """However often the first is given back, what waits behind it keeps its place among all hooks' jobs."""
            await self._put(job("a"), job("b"), job("c", "other"), job("d"))
            for _ in range(2):
                await now(self.queue.retry((await self._take(1))[0], 0))
            found = [names(await self._take(1))[0] for _ in range(4)]
            self.assertEqual(found, ["a", "b", "c", "d"])

        async def test_delays_of_many(self) -> None:
            """Each waits its own time, and what is due leaves in order of acceptance."""
            await self._put(*(job(name) for name in "abc"))
            for each, delay in zip(await self._take(), (2, 1, 9), strict=True):
                await now(self.queue.retry(each, delay))
            await pass_time(self, 2.1)
            self.assertEqual(names(await self._take()), ["a", "b"])
            await pass_time(self, 7)
            self.assertEqual(names(await self._take()), ["c"])

        async def test_hastened(self) -> None:
            """Whatever is delayed is due at once when that is wished, in order, and what is due stays so."""
            await self._put(*(job(name) for name in "abcd"))
            for each, delay in zip(await self._take(3), (20, 1, 9), strict=True):
                await now(self.queue.retry(each, delay))
            await pass_time(self, 1.1)
            await now(self.queue.hasten())
            self.assertEqual(names(await self._take()), ["a", "b", "c", "d"])
            self.assertEqual(await now(self.queue.depth()), 0)

        async def test_settled_twice(self) -> None:
            """Settling what is settled changes nothing."""
            claimed = await self._claim()
            await now(self.queue.retry(claimed, 0))
            await now(self.queue.done(claimed))
            self.assertEqual(names(await self._take()), ["a"])
            await now(self.queue.done(claimed))
            await now(self.queue.retry(claimed, 0))
            self.assertEqual(await self._take(), [])

        async def test_full(self) -> None:
            """A full queue takes new jobs and drops the oldest that nobody has claimed, and tells which."""
            await self._put(job("first"))
            claimed = await self._take()
            await self._put(*(job(f"n{number}") for number in range(CAPACITY + 4)))
            first = names(await self._take())[0]
            self.assertIn(first, ("n4", "n5"), "a claimed job may count, or not")
            self.assertEqual(names(self.lost), [f"n{number}" for number in range(int(first[1:]))])
            self.assertEqual(await self._take(), [])
            await now(self.queue.done(claimed[0]))

        async def test_dead(self) -> None:
            """A dead letter has its reason and its time, and the newest comes first; it is not given again."""
            for name in "abc":
                await now(self.queue.bury(await self._claim(name), f"why {name}"))
            letters = await now(self.queue.dead(2))
            self.assertEqual(
                [(names([each.job])[0], each.reason) for each in letters], [("c", "why c"), ("b", "why b")]
            )
            self.assertGreater(letters[0].at_ms, 1_600_000_000_000)
            self.assertEqual(letters[0].job, job("c"))
            self.assertEqual(await self._take(), [])

        async def test_dead_are_bounded(self) -> None:
            """The oldest dead letter makes room for a new one."""
            for number in range(DEAD_CAPACITY + 2):
                await now(self.queue.bury(await self._claim(f"n{number}"), "why"))
            letters = await now(self.queue.dead(100))
            self.assertEqual(names(each.job for each in letters), [f"n{n}" for n in range(DEAD_CAPACITY + 1, 1, -1)])

        async def test_revive(self) -> None:
            """A revived job is as new under its old id, and no dead letter any more; an unknown one says so."""
            await now(self.queue.bury((await self._claim())._replace(attempt=9, first_ms=5), "why"))
            before = self.woken
            self.assertTrue(await now(self.queue.revive(job("a").id)))
            self.assertGreater(self.woken, before)
            self.assertEqual(await self._take(), [job("a")])
            self.assertEqual(await now(self.queue.dead(9)), [])
            self.assertFalse(await now(self.queue.revive(job("a").id)))

        async def test_drop(self) -> None:
            """A dropped dead letter is gone; an unknown one says so."""
            await now(self.queue.bury(await self._claim(), "why"))
            self.assertTrue(await now(self.queue.drop(job("a").id)))
            self.assertFalse(await now(self.queue.drop(job("a").id)))
            self.assertEqual(await now(self.queue.dead(9)), [])

        async def test_healthy(self) -> None:
            """A queue that works says so."""
            await self._put(job("a"))
            self.assertTrue(await now(self.queue.health()))

    return Contract
