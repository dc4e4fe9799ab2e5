"""One page for all workers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.hub import metrics
from sockudo_tx.hub.metrics import WITHIN, MachineMetrics
from sockudo_tx.interfaces import BackendError
from sockudo_tx.transports.metrics import families as f
from sockudo_tx.transports.metrics.packing import pack
from sockudo_tx.transports.metrics.sources import Sample
from tests.http.scrape import read

CONNECTIONS = 'sockudo_new_connections_total{app_id="a",port="9601"}'
CONNECTED = 'sockudo_connected{app_id="a",port="9601"}'


class Worker:
    """Answers when the test says so."""

    def __init__(self, slot: int, node: str) -> None:
        self.slot, self.node = slot, node
        self.answers: list[Deferred[bytes]] = []

    def ask(self, what: str) -> Deferred[bytes]:
        assert what == "metrics"
        self.answers.append(Deferred())
        return self.answers[-1]

    def say(self, connections: int, connected: int = 0) -> None:
        self.answers.pop().callback(counted(connections, connected))


def counted(connections: int, connected: int) -> bytes:
    samples: list[Sample] = [
        (f.CONNECTIONS, ("a",), connections),
        (f.CONNECTED, ("a",), connected),
        (f.CPU_SECONDS, (), connections / 10),
        (f.RESIDENT_MEMORY, (), 1000),
    ]
    return pack(samples)


class MachineMetricsTests(SynchronousTestCase):
    """`MachineMetrics`"""

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        self.workers = [Worker(0, "n0"), Worker(1, "n1")]
        self.own: list[Sample] = [(f.CPU_SECONDS, (), 0.5), (f.WORKERS, (), 2)]
        self.metrics = MachineMetrics(
            self.clock, "sockudo_", lambda: "9601", lambda: self.workers, [lambda: [self.own]]
        )

    def finished(self, page: Deferred[bytes]) -> dict[str, float]:
        """The samples of a page for which everybody has answered."""
        for _ in range(100):
            self.clock.advance(0)
        return read(self.successResultOf(page).decode())

    def scrape(self, *counts: tuple[int, int]) -> dict[str, float]:
        """A scrape in which the workers answer this."""
        page = self.metrics.page()
        for worker, count in zip(self.workers, counts, strict=True):
            worker.say(*count)
        return self.finished(page)

    def test_sums(self) -> None:
        """Counters and gauges of workers and hub are added; each process has its own too."""
        self.assertEqual(
            self.scrape((3, 2), (5, 4)),
            {
                CONNECTIONS: 8,
                CONNECTED: 6,
                "process_cpu_seconds_total": 1.3,
                "process_resident_memory_bytes": 2000,
                'sockudo_worker_connections{port="9601",worker="1"}': 2,
                'sockudo_worker_connections{port="9601",worker="2"}': 4,
                'sockudo_worker_cpu_seconds_total{port="9601",worker="1"}': 0.3,
                'sockudo_worker_cpu_seconds_total{port="9601",worker="2"}': 0.5,
                'sockudo_worker_cpu_seconds_total{port="9601",worker="hub"}': 0.5,
                'sockudo_worker_resident_memory_bytes{port="9601",worker="1"}': 1000,
                'sockudo_worker_resident_memory_bytes{port="9601",worker="2"}': 1000,
                'sockudo_worker_up{port="9601",worker="1"}': 1,
                'sockudo_worker_up{port="9601",worker="2"}': 1,
                'sockudo_workers{port="9601"}': 2,
            },
        )

    def test_nobody(self) -> None:
        """Without workers there is what the hub knows."""
        self.workers.clear()
        self.assertEqual(self.finished(self.metrics.page())['sockudo_workers{port="9601"}'], 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_hanging(self) -> None:
        """A worker that says nothing holds the page up for a second at most; its last counts stay in the sums."""
        self.scrape((3, 2), (5, 4))
        page = self.metrics.page()
        self.workers[0].say(4, 3)
        self.clock.advance(WITHIN - 0.01)
        self.assertNoResult(page)
        self.clock.advance(0.01)
        found = self.finished(page)
        self.assertEqual((found[CONNECTIONS], found[CONNECTED]), (9, 7))
        self.assertEqual(found['sockudo_worker_up{port="9601",worker="1"}'], 1)
        self.assertEqual(found['sockudo_worker_up{port="9601",worker="2"}'], 0)

    def test_hanging_asked_once(self) -> None:
        """A worker that hangs is not asked again meanwhile, and what it says late counts from then on."""
        for _ in range(3):
            page = self.metrics.page()
            self.workers[0].say(1)
            self.clock.advance(WITHIN)
            self.finished(page)
        self.assertEqual(len(self.workers[1].answers), 1)
        self.workers[1].say(5)
        page = self.metrics.page()
        self.workers[0].say(1)
        self.clock.advance(WITHIN)
        self.assertEqual(self.finished(page)[CONNECTIONS], 6)
        self.assertEqual(len(self.workers[1].answers), 1)

    def test_failing(self) -> None:
        """A worker that ends while it is asked is as one that says nothing, and holds nobody up."""
        self.scrape((3, 2), (5, 4))
        page = self.metrics.page()
        self.workers[0].say(3, 2)
        self.workers[1].answers.pop().errback(BackendError("gone"))
        self.assertEqual(self.finished(page)[CONNECTIONS], 8)
        self.assertEqual(self.scrape((3, 2), (6, 4))[CONNECTIONS], 9)

    def test_ended(self) -> None:
        """What a worker has counted stays when it ends and another takes its place; its connections are gone."""
        self.scrape((3, 2), (5, 4))
        self.workers[1] = Worker(1, "n2")
        found = self.scrape((3, 2), (0, 0))
        self.assertEqual((found[CONNECTIONS], found[CONNECTED]), (8, 2))
        self.assertEqual(found['sockudo_worker_cpu_seconds_total{port="9601",worker="2"}'], 0.5)
        self.assertEqual(self.scrape((3, 2), (1, 1))[CONNECTIONS], 9)
        del self.workers[:]
        self.assertEqual(self.finished(self.metrics.page())[CONNECTIONS], 9)

    def test_both_in_one_slot(self) -> None:
        """While a worker drains, it and the one that follows are told of together."""
        self.workers.append(Worker(1, "n2"))
        found = self.scrape((0, 0), (5, 4), (1, 1))
        self.assertEqual(found['sockudo_worker_connections{port="9601",worker="2"}'], 5)
        self.assertEqual(found['sockudo_worker_up{port="9601",worker="2"}'], 1)

    def test_last_words(self) -> None:
        """Nothing is missing of a worker that told its counts before it ended."""
        self.scrape((3, 2), (5, 4))
        self.metrics.last(1, "n1", counted(6, 0))
        self.workers[1] = Worker(1, "n2")
        self.assertEqual(self.scrape((3, 2), (0, 0))[CONNECTIONS], 9)

    def test_last_words_bounded(self) -> None:
        """Last words of many workers are added up, scraped or not."""
        self.patch(metrics, "_PARTED_AT_MOST", 5)
        for number in range(100):
            self.metrics.last(0, f"old{number}", counted(1, 0))
            self.assertLessEqual(len(self.metrics._told), 6)
        self.assertEqual(self.scrape((1, 0), (1, 0))[CONNECTIONS], 102)

    def test_together(self) -> None:
        """Two scrapes at the same time are one."""
        page, other = self.metrics.page(), self.metrics.page()
        for worker in self.workers:
            self.assertEqual(len(worker.answers), 1)
            worker.say(1)
        self.assertEqual(self.finished(page), self.finished(other))

    def test_in_slices(self) -> None:
        """However much workers tell, no turn of the reactor takes much of it."""
        pieces = [pack([(f.CONNECTIONS, (f"app{number}",), 1)]) for number in range(400)]
        looks = turns = 0
        later = self.clock.callLater

        def seconds() -> float:  # every look at the clock costs a millisecond
            nonlocal looks
            looks += 1
            return looks / 1000

        def call_later(*args: Any) -> IDelayedCall:
            nonlocal turns
            turns += 1
            return later(*args)

        page = self.metrics.page()
        self.patch(self.clock, "seconds", seconds)
        self.patch(self.clock, "callLater", call_later)
        for worker in self.workers:
            worker.answers.pop().callback(b"".join(pieces))
        self.clock.advance(0)
        self.assertGreater(turns, 200)
        self.assertIn('sockudo_new_connections_total{app_id="app7",port="9601"} 2', self.successResultOf(page).decode())
