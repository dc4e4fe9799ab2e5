"""The webhook queue in a file: what it keeps, and what it does when the file cannot be used."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.sqlite import database, journal
from sockudo_tx.backends.sqlite.database import Database
from sockudo_tx.backends.sqlite.place import Place
from sockudo_tx.backends.sqlite.webhook_queue import SqliteWebhookQueue
from sockudo_tx.interfaces import BackendError
from tests.contract.webhook_queue_case import job, names


class FileCase(TestCase):
    """Queues over one file."""

    timeout = 30

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.errors: list[LogEvent] = []
        observer: Any = self._hear
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.patch(journal, "_AGAIN", 0.05)
        self.patch(database, "_BUSY", 0.05)

    def _hear(self, event: LogEvent) -> None:
        if event.get("log_namespace", "").endswith("SqliteWebhookQueue") and event["log_level"].name == "error":
            self.errors.append(event)

    def queue(self) -> SqliteWebhookQueue:
        made = SqliteWebhookQueue(self.path, reactor, self.clock)
        made.listen(lambda: None, lambda job: None)
        self.addCleanup(made.close)
        return made

    async def until(self, promise: Callable[[], bool]) -> None:
        while not promise():
            await deferLater(reactor, 0.01)


class KeptTests(FileCase):
    """What another life finds."""

    async def test_everything_waiting(self) -> None:
        """After a stop everything that waited is there, in order, before what comes new; claimed jobs are due again."""
        first = self.queue()
        await first.put([job(name) for name in "abc"])
        first.take(1, ())
        await first.close()
        second = self.queue()
        await second.put([job("d")])
        self.assertEqual(second.take(9, ()), [job(name) for name in "abcd"])

    async def test_settled(self) -> None:
        """What was done is gone, what was tried says so and waits its time, what was given up is a dead letter."""
        first = self.queue()
        await first.put([job(name) for name in "abc"])
        done, tried, dead = first.take(3, ())
        first.done(done)
        first.retry(tried._replace(attempt=2, first_ms=7), 5)
        first.bury(dead, "why \udcff")
        await first.close()
        second = self.queue()
        self.assertEqual([letter.reason for letter in await second.dead(9)], ["why \\udcff"])
        self.assertEqual(second.take(9, ()), [])
        self.clock.advance(5)
        self.assertEqual(second.take(9, ()), [job("b")._replace(attempt=2, first_ms=7)])

    async def test_no_unicode(self) -> None:
        """Text that is no Unicode keeps nobody's jobs from the disk."""
        queue = self.queue()
        await queue.put([job("a", "hook \udcff")._replace(app_id="\ud800", events=("\udcff",)), job("b")])
        self.assertTrue(queue.health())
        await queue.close()
        after = self.queue()
        await after.dead(1)
        self.assertEqual([each.events for each in after.take(9, ())], [("\udcff",), job("b").events])

    async def test_clock_set_back(self) -> None:
        """Nobody waits for longer than five minutes because the clock was set back between two lives."""
        first = self.queue()
        await first.put([job("a")])
        first.retry(first.take(1, ())[0], 60)
        await first.close()
        self.clock.rightNow -= 1_000_000
        second = self.queue()
        await second.dead(1)
        self.clock.advance(300)
        self.assertEqual(names(second.take(9, ())), ["a"])

    async def test_for_us_only(self) -> None:
        """Nobody else on the machine can read the file, or those beside it."""
        queue = self.queue()
        await queue.put([job("a")])
        beside = list(Path(self.path).parent.glob(Path(self.path).name + "*"))
        self.assertEqual(len(beside), 4)
        self.assertEqual({stat.S_IMODE(each.stat().st_mode) for each in beside}, {0o600})

    async def test_revived_by_another_process(self) -> None:
        """A dead letter that another process makes due again is delivered by the server that runs."""
        queue = self.queue()
        await queue.put([job("a")])
        queue.bury(queue.take(1, ())[0], "why")
        await queue.put([job("b")])
        other = Database(self.path, create=False)
        self.addCleanup(other.close)
        self.assertEqual(other.revive(None), 1)
        await self.until(lambda: queue.depth() == 2)
        self.assertEqual(names(queue.take(9, ())), ["b", "a"])

    async def test_dropped_for_room(self) -> None:
        """What a full queue drops does not come back in another life."""
        first = SqliteWebhookQueue(self.path, reactor, self.clock, 2)
        await first.put([job(name) for name in "abc"])
        await first.close()
        second = self.queue()
        await second.dead(1)
        self.assertEqual(names(second.take(9, ())), ["b", "c"])

    async def test_never_begun(self) -> None:
        """Nobody waits for a queue that is closed before the reactor runs."""
        self.patch(SqliteWebhookQueue, "_begin", lambda queue: None)
        queue = self.queue()
        answers = queue.put([job("a")]), queue.dead(1)
        self.successResultOf(queue.close())
        self.successResultOf(answers[0])
        self.assertIsInstance(self.failureResultOf(answers[1]).value, BackendError)

    async def test_closed(self) -> None:
        """Who asks a closed queue is told, and waits for nothing."""
        queue = self.queue()
        await queue.close()
        for answer in (queue.put([job("a")]), queue.dead(1)):
            self.assertIsInstance(self.failureResultOf(answer).value, BackendError)


class FaultTests(FileCase):
    """A file that cannot be used: jobs are delivered from memory, and written when it can be used again."""

    async def _lives(self, cure: Callable[[], object], words: str) -> None:
        """With trouble now and the cure later, nothing is lost, one line says why, and health says so."""
        queue = self.queue()
        written = queue.put([job("a"), job("b")])
        await self.until(lambda: bool(self.errors))
        self.assertFalse(queue.health())
        self.assertIn(words, self.errors[0]["error"])
        self.assertEqual(names(queue.take(1, ())), ["a"])
        await deferLater(reactor, 0.15)  # several attempts
        self.assertEqual(len(self.errors), 1)
        await written
        await queue.put([job("c")])
        cure()
        await self.until(queue.health)
        await queue.close()
        after = self.queue()
        await after.dead(1)
        self.assertEqual(names(after.take(9, ())), ["a", "b", "c"])

    async def test_corrupt(self) -> None:
        """A file that is no database, until somebody moves it away."""
        Path(self.path).write_bytes(b"nonsense" * 1000)  # noqa: ASYNC240
        await self._lives(lambda: os.rename(self.path, self.path + ".old"), "move the file away")

    async def test_no_folder(self) -> None:
        """A folder that is not there, until somebody makes it."""
        self.path += "/queue"
        await self._lives(lambda: os.mkdir(os.path.dirname(self.path)), "No such file or directory")

    async def test_locked(self) -> None:
        """Another process in a transaction that does not end, until it does."""
        Database(self.path).close()
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        await self._lives(lambda: other.execute("COMMIT"), "locked")

    async def test_other_version(self) -> None:
        """A file of a later version is left as it is."""
        with sqlite3.connect(self.path) as other:
            other.execute("PRAGMA user_version = 9")
        other.close()
        await self._lives(lambda: os.remove(self.path), "another version")

    async def test_other_database(self) -> None:
        """Somebody else's database is left as it is."""
        with sqlite3.connect(self.path) as other:
            other.execute("CREATE TABLE theirs (x)")
        other.close()
        await self._lives(lambda: os.remove(self.path), "something else")

    async def _unreadable(self, events: str) -> None:
        """With this in the file."""
        first = self.queue()
        await first.put([job("z")])
        await first.close()
        with sqlite3.connect(self.path) as other:
            other.execute("UPDATE jobs SET events = ?", (events,))
        other.close()
        await self._lives(lambda: os.rename(self.path, self.path + ".old"), f"under {job('z').id} is no delivery")

    async def test_unreadable(self) -> None:
        """A delivery that is cut off is told, with the id, and the others go on in a new file."""
        await self._unreadable('["cut')

    async def test_no_list(self) -> None:
        """So is one that is JSON, and no list."""
        await self._unreadable("7")

    async def test_unreadable_dead(self) -> None:
        """Who asks for a dead letter that is none any more is told, and the queue goes on."""
        queue = self.queue()
        await queue.put([job("a")])
        queue.bury(queue.take(1, ())[0], "why")
        await queue.dead(1)
        with sqlite3.connect(self.path) as other:
            other.execute("UPDATE dead SET events = '['")
        other.close()
        with self.assertRaisesRegex(BackendError, "is no delivery"):
            await queue.dead(1)
        await queue.put([job("b")])
        self.assertTrue(queue.health())

    async def test_bug(self) -> None:
        """A bug of ours is logged, and is a file that cannot be used: nobody waits for it, and it is tried again."""
        self.patch(Database, "load", lambda database: 1 / 0)
        queue = self.queue()
        await queue.put([job("a")])
        await self.until(lambda: bool(self.errors))
        self.assertFalse(queue.health())
        await queue.close()
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))

    async def test_second_server(self) -> None:
        """A second server on one file is told whose it is, and takes over when the first has ended."""
        first = self.queue()
        await first.put([job("z")])
        first.done(first.take(1, ())[0])
        await self._lives(first.close, f"process {os.getpid()}")

    async def test_full_disk(self) -> None:
        """A disk that takes nothing in the middle of it, until it does."""
        queue = self.queue()
        await queue.put([job("a")])
        with _no_room():
            written = queue.put([job(f"n{number}") for number in range(2000)])
            await self.until(lambda: bool(self.errors))
            self.assertFalse(queue.health())
            self.assertEqual(names(queue.take(1, ())), ["a"])
            queue.done(job("a"))
            await written
        await self.until(queue.health)
        await queue.close()
        after = self.queue()
        await after.dead(1)
        self.assertEqual(len(after.take(9999, ())), 2000)

    async def test_replaced_in_flight(self) -> None:
        """After trouble, a file that is a new one gets everything that waits, not only what came since."""
        queue = self.queue()
        await queue.put([job("a")])
        with _no_room():
            written = queue.put([job(f"n{number}") for number in range(2000)])
            await self.until(lambda: bool(self.errors))
            for each in Path(self.path).parent.glob(Path(self.path).name + "*"):
                each.unlink()
            await written
        await self.until(queue.health)
        await queue.dead(1)
        await queue.close()
        after = self.queue()
        await after.dead(1)
        self.assertEqual(len(after.take(9999, ())), 2001)

    async def test_pace(self) -> None:
        """A file that cannot be used is tried now and then, whatever waits for it, and costs no time in between."""
        self.path += "/queue"
        tried: list[str] = []
        claim = Place.claim
        self.patch(Place, "claim", lambda place: tried.append("") or claim(place))  # type: ignore[func-returns-value]
        queue = self.queue()
        await queue.put([job("a")])
        await self.until(lambda: bool(self.errors))
        before = len(tried)
        queue.put([job("b")])
        answer = queue.dead(1)
        await deferLater(reactor, 0.5)  # ten times as long as between two attempts
        self.assertLess(len(tried) - before, 15)
        self.failureResultOf(answer, BackendError)

    async def test_bounded(self) -> None:
        """What waits for the disk is bounded, and the rest is delivered all the same; who puts waits for nothing."""
        self.patch(journal, "SPILL", 10)
        self.path += "/queue"
        queue = self.queue()
        await self.until(lambda: bool(self.errors))
        self.successResultOf(queue.put([job(f"n{number}") for number in range(30)]))
        self.assertEqual(len(queue.take(99, ())), 30)
        self.assertLessEqual(len(queue._journal._changes), 10)

    async def test_closed_in_trouble(self) -> None:
        """A stop does not wait for a disk, and says how much it has not taken."""
        self.path += "/queue"
        queue = self.queue()
        written = queue.put([job("a")])
        await queue.close()
        await written
        self.assertEqual(self.errors[-1]["changes"], 1)


@contextmanager
def _no_room() -> Iterator[None]:
    """No file of this process may grow beyond a few pages."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
