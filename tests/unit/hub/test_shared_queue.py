"""One webhook queue for all workers: who delivers, and what becomes of what a worker had."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.backends.hub.webhook_queue import HubQueue
from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.interfaces import BackendError, WebhookJob
from tests.contract.hub_link import Group
from tests.contract.webhook_queue_case import job, names


class Worker:
    """A worker's view of the queue."""

    def __init__(self, link: HubLink) -> None:
        self.link = link
        self.queue = HubQueue(link)
        self.woken = 0
        self.lost: list[str] = []
        self.queue.listen(self._wake, lambda job: self.lost.extend(names([job])))

    def _wake(self) -> None:
        self.woken += 1

    async def take(self) -> list[str]:
        return names(await self.queue.take(100, (), ()))


class SharedQueueTests(TestCase):
    """`SharedQueue`"""

    timeout = 20

    def setUp(self) -> None:
        self.clock = Clock()
        self.kept = MemoryWebhookQueue(self.clock, 4)
        self.group = Group({"queue": self.kept}, self.clock)
        self.addCleanup(self.group.close)

    async def worker(self, slot: int, ready: bool = True) -> Worker:
        link = self.group.connect(slot)
        worker = Worker(link)
        if ready:
            link.ready()
        await link.welcomed
        return worker

    async def until_gone(self, count: int) -> None:
        from tests.contract.hub_link import turns

        while len(self.group.were_gone) < count:
            await turns(self.group.reactor, 0.001)

    async def test_lowest_slot(self) -> None:
        """Of those that serve only the worker with the lowest slot is given jobs, and only it is woken."""
        idle, second, first = await self.worker(0, ready=False), await self.worker(2), await self.worker(1)
        await idle.queue.put([job("a")])
        woken = second.woken
        self.assertEqual([await each.take() for each in (idle, second, first)], [[], [], ["a"]])
        await second.queue.put([job("b")])
        await first.queue.health()
        self.assertEqual((idle.woken, second.woken), (0, woken))
        self.assertGreater(first.woken, 1)

    async def test_the_next_one(self) -> None:
        """When who delivers goes, what it had is due again, in its place, and the next one is woken."""
        first, second = await self.worker(0), await self.worker(1)
        await second.queue.put([job("a"), job("b"), job("c")])
        self.assertEqual(await first.take(), ["a", "b", "c"])
        await first.queue.done(job("b"))
        await second.queue.put([job("d")])
        woken = second.woken
        first.link.cut()
        await self.until_gone(1)
        self.assertEqual(await second.take(), ["a", "c", "d"])
        self.assertGreater(second.woken, woken)
        self.assertEqual(self.group.exchange.tables()["hub.claims"], 3)

    async def test_lower_slot_comes_back(self) -> None:
        """A lower slot that serves again delivers; what the other had taken it still settles."""
        second = await self.worker(1)
        await second.queue.put([job("a"), job("b"), job("c")])
        self.assertEqual(await second.take(), ["a", "b", "c"])
        first = await self.worker(0)
        self.assertEqual(await first.take(), [])
        await second.queue.retry(job("a"), 0)
        await second.queue.done(job("b"))
        await second.queue.bury(job("c"), "why")
        self.assertEqual((await second.take(), await first.take()), ([], ["a"]))
        self.assertEqual([letter.reason for letter in await first.queue.dead(5)], ["why"])
        self.assertEqual(first.woken, 2)

    async def test_leaving(self) -> None:
        """A worker that was told to leave gives way to one that stays, and delivers when nobody does."""
        first, second = await self.worker(0), await self.worker(1)
        self.group.stations[0].drain()
        await first.queue.put([job("a")])
        self.assertEqual((await first.take(), await second.take()), ([], ["a"]))
        self.group.stations[1].drain()
        await first.queue.put([job("b")])
        self.assertEqual((await second.take(), await first.take()), ([], ["b"]))

    async def test_leaving_by_itself(self) -> None:
        """The same for one that nobody has told to."""
        first, second = [await self.worker(slot) for slot in range(2)]
        await first.queue.put([job("a")])
        first.link.leaving()
        await first.queue.health()
        self.assertEqual([await first.take(), await second.take()], [[], ["a"]])

    async def test_closed(self) -> None:
        """Who closes its queue gives back what it has and is given no more; the queue itself goes on."""
        first, second = await self.worker(0), await self.worker(1)
        await first.queue.put([job("a")])
        await first.take()
        await first.queue.close()
        self.assertEqual((await first.take(), await second.take()), ([], ["a"]))
        await first.queue.done(job("a"))
        await first.queue.retry(job("a"), 0)
        self.assertEqual(await second.take(), [])
        await first.queue.put([job("b")])
        self.assertEqual(await second.take(), ["b"])

    async def test_gone_meanwhile(self) -> None:
        """Jobs that a slow queue finds for who has gone meanwhile are due again."""
        first, second = await self.worker(0), await self.worker(1)
        await first.queue.put([job("a")])
        found: Deferred[list[WebhookJob]] = Deferred()
        take, self.kept.take = self.kept.take, lambda *_: found  # type: ignore[method-assign, assignment]
        taken = first.queue.take(1, ())
        await first.queue.health()
        first.link.cut()
        await self.assertFailure(taken, BackendError)
        await self.until_gone(1)
        self.kept.take = take  # type: ignore[method-assign]
        found.callback(take(1, set()))
        self.assertEqual(await second.take(), ["a"])

    async def test_not_its_own(self) -> None:
        """Nobody settles what another has."""
        first, second = await self.worker(0), await self.worker(1)
        await first.queue.put([job("a")])
        await first.take()
        await second.queue.done(job("a"))
        await second.queue.bury(job("a"), "why")
        self.assertEqual(await second.queue.dead(1), [])
        await first.queue.retry(job("a"), 0)
        self.assertEqual(await first.take(), ["a"])

    async def test_nobody(self) -> None:
        """What is put while nobody delivers waits; whoever comes is woken."""
        idle = await self.worker(0, ready=False)
        await idle.queue.put([job("a")])
        self.assertEqual(await idle.take(), [])
        idle.link.ready()
        await idle.queue.health()
        self.assertEqual((idle.woken, await idle.take()), (1, ["a"]))

    async def test_large(self) -> None:
        """However large the jobs are, whoever takes them gets some, and the others stay."""
        worker = await self.worker(0)
        large = [job(name)._replace(events=("x" * 3_000_000,)) for name in "abc"]
        await worker.queue.put(large)
        self.assertEqual([await worker.take(), await worker.take(), await worker.take()], [["a"], ["b"], ["c"]])
        self.assertEqual(self.group.exchange.tables()["hub.claims"], 3)

    async def test_lost(self) -> None:
        """What had to make room is told to who delivers."""
        first, second = await self.worker(0), await self.worker(1)
        await second.queue.put([job(f"n{number}") for number in range(6)])
        await first.queue.health()
        self.assertEqual((first.lost, second.lost), (["n0", "n1"], []))

    async def test_durable(self) -> None:
        """What waits outlives a worker, but not the last one when the hub has it in memory only."""
        worker = await self.worker(0)
        self.assertTrue(worker.queue.durable)
        self.group.stations[0].drain(last=True)
        await worker.queue.health()
        self.assertFalse(worker.queue.durable)

    async def test_delay(self) -> None:
        """A delay ends by the hub's clock, and who delivers is woken."""
        worker = await self.worker(0)
        await worker.queue.put([job("a")])
        taken: Any = await worker.queue.take(1, (), ())
        await worker.queue.retry(taken[0]._replace(attempt=1), 3)
        woken = worker.woken
        self.clock.advance(3)
        await worker.queue.health()
        self.assertEqual((worker.woken, await worker.take()), (woken + 1, ["a"]))
