"""The metrics port within its bounds, and scrapes that do not hold anybody up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryServer
from sockudo_tx.transports.metrics import families as f
from sockudo_tx.transports.metrics.collect import Collector
from sockudo_tx.transports.metrics.site import CONNECTIONS, PATIENCE, MetricsSite
from sockudo_tx.transports.metrics.sources import Sample, single
from tests.http.scrape import SCRAPE, Scraper
from tests.unit.transports.kernel import Pair, Selector


class SiteTests(SynchronousTestCase):
    """`MetricsSite`"""

    def setUp(self) -> None:
        self.server = MemoryServer()
        self.scraper = Scraper(self.server)

    def test_keep_alive(self) -> None:
        """A scraper may keep its connection."""
        connection = self.scraper.connect()
        for _ in range(3):
            self.assertEqual(connection.ask(SCRAPE).status, 200)
            self.server.advance(PATIENCE - 1)
        self.server.advance(2)
        self.assertTrue(connection.ended)

    def test_drip(self) -> None:
        """A head that comes byte by byte has the time of a silent one."""
        connection = self.scraper.connect()
        for number in range(PATIENCE + 1):
            if not connection.ended:
                connection.send(SCRAPE[number % len(SCRAPE) : number % len(SCRAPE) + 1] if number < 20 else b"x")
            self.server.advance(1)
        self.assertTrue(connection.ended)

    def test_crowd(self) -> None:
        """So many connections and no more: silent ones give way to newcomers, and before those that have asked."""
        scraper = self.scraper.connect()
        crowd = [self.scraper.connect() for _ in range(CONNECTIONS - 1)]
        self.assertEqual(scraper.ask(SCRAPE).status, 200)
        self.assertEqual(self.scraper.ask().status, 200)
        self.server.pump()
        self.assertEqual((crowd[0].ended, crowd[1].ended, scraper.ended), (True, False, False))

    def test_bodies(self) -> None:
        """A small body is dropped, a large one ends the connection; a long head is refused."""
        post = b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        self.assertEqual(self.scraper.ask(post % 5 + b"a=b&c").status, 405)
        connection = self.scraper.connect().send(post % 10_000_000)
        for _ in range(20):
            if not connection.ended:
                connection.send(b"x" * 8192)
        self.assertTrue(connection.ended)
        connection = self.scraper.connect().send(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000)
        self.server.pump()
        self.assertTrue(connection.ended or b"400 Bad Request" in connection.received)

    def test_gone(self) -> None:
        """A scraper that does not wait for its page disturbs nobody."""
        first = self.scraper.connect()
        first.wire.feed(SCRAPE)
        first.wire.cut()
        self.assertEqual(self.scraper.ask().status, 200)

    def test_fault(self) -> None:
        """A source that fails is a 500 and a line in the log; the next scrape is tried again."""
        broken = Scraper(self.server, more=[single(f.DRAINING, lambda: 1 // 0)])
        self.assertEqual([broken.ask().status, broken.ask().status], [500, 500])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class TurningClock(Clock):
    """Runs what is due one call at a time: `turn` is one turn of a reactor."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def callLater(self, delay: float, function: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        self.waiting.append(lambda: function(*args))
        return None

    def turn(self) -> None:
        self.waiting.pop(0)()


class CollectorTests(SynchronousTestCase):
    """`Collector`"""

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.reads = 0

    def slow(self) -> Iterator[list[Sample]]:
        """Takes a millisecond for each of its ten pieces."""
        for _ in range(10):
            self.clock.rightNow += 0.001
            yield []
        self.reads += 1
        yield [(f.DRAINING, (), 1)]

    def test_slices(self) -> None:
        """What takes long is read over several turns, and scrapes meanwhile get the same page."""
        collector = Collector(self.clock, "p_", lambda: "9", [self.slow])
        pages: list[Deferred[bytes]] = [collector.page()]
        self.clock.turn()
        self.assertNoResult(pages[0])
        pages.append(collector.page())
        turns = 1
        while not pages[0].called:
            self.clock.turn()
            turns += 1
        self.assertGreater(turns, 3)
        first, second = map(self.successResultOf, pages)
        self.assertEqual(first, second)
        self.assertIn(b'\np_draining{port="9"} 1\n', first)
        self.assertEqual(self.reads, 1)


class UnreadTests(SynchronousTestCase):
    """A scraper that asks and does not read"""

    def setUp(self) -> None:
        self.clock = Selector()
        self.pair = Pair(reactor=self.clock)
        self.addCleanup(self.pair.close)
        self.scrapes = 0

    def scraped(self) -> str:
        self.scrapes += 1
        return "x" * 100_000

    def test_asked_ahead(self) -> None:
        """What it has asked ahead is read for it when it reads, and every page comes."""
        collector = Collector(self.clock, "", self.scraped, [single(f.DRAINING, lambda: 1)])
        channel = MetricsSite(collector, self.clock).buildProtocol(self.pair.transport.getPeer())
        self.pair.transport.protocol = channel
        self.pair.transport.startReading()
        channel.makeConnection(self.pair.transport)
        self.pair.transport._dataReceived(SCRAPE * 100)
        for _ in range(500):
            self.clock.advance(0)
        self.assertLess(self.scrapes, 20)
        received = b""
        for _ in range(5000):
            received += self.pair.read()
            self.pair.step()
            self.clock.advance(0)
        self.assertEqual((self.scrapes, received.count(b"200 OK")), (100, 100))
