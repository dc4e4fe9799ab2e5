"""The webhook queue in a file: a disk that is full, other servers, and a file that somebody takes away."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import LogEvent

from sockudo_tx.backends.sqlite import journal
from sockudo_tx.backends.sqlite.database import Database, Kept
from sockudo_tx.backends.sqlite.webhook_queue import SqliteWebhookQueue
from sockudo_tx.interfaces import WebhookJob
from tests.contract.webhook_queue_case import job, names
from tests.integration.test_sqlite_queue import FileCase

DISK = 24 * 1024 * 1024
PAGE = 4096


def large(number: int) -> WebhookJob:
    """A job of 60 KB."""
    return job(f"n{number}")._replace(events=(f'"{number}{"y" * 60_000}"',))


class DiskCase(FileCase):
    """A small disk, on which is nothing but our file and what `taken` says."""

    def setUp(self) -> None:
        super().setUp()
        self.taken = 0
        self.told: list[str] = []
        self.patch(os, "statvfs", self.disk)

    def _hear(self, event: LogEvent) -> None:
        super()._hear(event)
        if event.get("log_namespace", "").endswith("SqliteWebhookQueue") and " kept in " not in event["log_format"]:
            self.told.append(event["log_level"].name)

    def files(self) -> int:
        return sum(each.stat().st_size for each in Path(self.path).parent.glob(Path(self.path).name + "*"))

    def disk(self, folder: str) -> SimpleNamespace:
        free = max(0, DISK - self.files() - self.taken)
        return SimpleNamespace(f_bavail=free // PAGE, f_frsize=PAGE, f_blocks=DISK // PAGE)


class FullDiskTests(DiskCase):
    """Room is kept for what makes room."""

    async def test_own_disk(self) -> None:
        """A queue that fills its own disk never takes all of it; what is delivered makes room, and then all is well."""
        queue = self.queue()
        for number in range(600):
            await queue.put([large(number)])
        await self.until(lambda: bool(self.errors))
        self.assertFalse(queue.health())
        self.assertIn("make room", self.errors[0]["error"])
        self.assertLess(self.files(), DISK * 3 // 4)
        while taken := queue.take(50, ()):
            for each in taken:
                queue.done(each)
            await deferLater(reactor, 0.06)
        await self.until(queue.health)
        await queue.put([job("z")])
        await queue.close()
        self.assertEqual(self.told, ["error", "info"])
        after = self.queue()
        await after.dead(1)
        self.assertEqual(names(after.take(9999, ())), ["z"])

    async def test_given_up(self) -> None:
        """On a full disk what is in the file still becomes a dead letter, and a later attempt is noted."""
        queue = self.queue()
        await queue.put([job("a"), job("b")])
        self.taken = DISK
        await queue.put([job("c")])
        await self.until(lambda: bool(self.errors))
        first, second = queue.take(2, ())
        queue.bury(first, "why")
        queue.retry(second._replace(attempt=1), 7)
        self.assertEqual([letter.job.id for letter in await queue.dead(9)], [first.id])
        await queue.close()
        after = self.queue()
        self.assertEqual([letter.job.id for letter in await after.dead(9)], [first.id])
        self.clock.advance(7)
        self.assertEqual([each.attempt for each in after.take(9, ())], [1])

    def test_making_room_needs_little(self) -> None:
        """What is deleted is not written once more, as Debian's SQLite does unless it is told not to."""
        file = Database(self.path)
        self.addCleanup(file.close)
        file.write({large(number).id: Kept(large(number), 0.0) for number in range(100)}, 1, 1)
        file.empty_log()
        file.write(dict.fromkeys(large(number).id for number in range(100)), 1, 1)
        self.assertEqual(file.load(), [])
        self.assertLess(os.path.getsize(self.path + "-wal"), 500_000)

    async def test_told_once(self) -> None:
        """However long a disk is full and whatever is tried meanwhile, one line says so, and one when it is not."""
        queue = self.queue()
        await queue.put([job("a")])
        self.taken = DISK
        for number in range(10):
            await queue.put([job(f"n{number}")])
            await deferLater(reactor, 0.06)
        self.assertEqual((self.told, queue.health()), (["error"], False))
        self.taken = 0
        await self.until(queue.health)
        await queue.dead(1)
        self.assertEqual(self.told, ["error", "info"])

    async def test_calm(self) -> None:
        """A disk that takes a little now and then is not told as well each time."""
        self.patch(journal, "_CALM", 20)
        queue = self.queue()
        await queue.put([job("a")])
        for number in range(5):
            self.taken = DISK
            await queue.put([job(f"n{number}")])
            await self.until(lambda: not queue.health())
            self.taken = 0
            await deferLater(reactor, 0.12)
        self.assertEqual(self.told, ["error"])


class OneServerTests(FileCase):
    """One server a file, whatever it is called."""

    def names(self) -> list[str]:
        real = Path(self.path).absolute()
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "link").symlink_to(real)
        (folder / "there").symlink_to(real.parent)
        os.link(real, folder / "hard")
        return [str(folder / name) for name in ("link", f"there/{real.name}", "hard")]

    async def test_other_names(self) -> None:
        """A symbolic link, a folder that is one, and a hard link lead to the same file, which has an owner."""
        first = self.queue()
        await first.put([job("a")])
        for name in self.names():
            self.errors.clear()
            second = SqliteWebhookQueue(name, reactor, self.clock)
            second.listen(lambda: None, lambda job: None)
            await self.until(lambda: bool(self.errors))
            self.assertIn("another server", self.errors[0]["error"], name)
            self.assertEqual(second.depth(), 0)
            await second.close()
        await first.put([job("b")])
        self.assertTrue(first.health())


class TakenAwayTests(FileCase):
    """A file that is deleted or replaced while the server uses it."""

    def remove(self) -> None:
        for each in ("", "-wal", "-shm"):
            os.remove(self.path + each)

    async def test_deleted(self) -> None:
        """It is noticed though nobody writes, told, and a new one gets what waits."""
        queue = self.queue()
        await queue.put([job("a"), job("b")])
        queue.done(queue.take(1, ())[0])
        await queue.dead(1)
        self.remove()
        await self.until(lambda: bool(self.errors))
        self.assertIn("deleted", self.errors[0]["error"])
        await self.until(queue.health)
        await queue.put([job("c")])
        await queue.close()
        after = self.queue()
        await after.dead(1)
        self.assertEqual(names(after.take(9, ())), ["b", "c"])

    async def test_replaced(self) -> None:
        """Another queue in its place is delivered too, and gets what waits."""
        spare = SqliteWebhookQueue(self.path + "-other", reactor, self.clock)
        await spare.put([job("z")])
        await spare.close()
        queue = self.queue()
        await queue.put([job("a")])
        self.remove()
        os.rename(self.path + "-other", self.path)
        await self.until(lambda: bool(self.errors))
        await self.until(queue.health)
        self.assertEqual(names(queue.take(9, ())), ["a", "z"])
        await queue.close()
        after = self.queue()
        await after.dead(1)
        self.assertEqual(sorted(names(after.take(9, ()))), ["a", "z"])


class ReasonTests(FileCase):
    """What the log says to do."""

    async def _why(self) -> str:
        queue = self.queue()
        await self.until(lambda: bool(self.errors))
        await queue.close()
        return str(self.errors[0]["error"])

    async def test_directory(self) -> None:
        """A directory is called one."""
        os.mkdir(self.path)
        self.assertIn("it is a directory", await self._why())

    async def test_locked(self) -> None:
        """Another process that holds it is to be ended."""
        Database(self.path).close()
        other = Database(self.path)
        self.addCleanup(other.close)
        other._connection.execute("BEGIN IMMEDIATE")
        queue = self.queue()
        await queue.put([job("a")])
        await queue.close()
        self.assertIn("locked by another process", str(self.errors[0]["error"]))
