"""The file of the durable webhook queue: its tables, and every statement that touches them.

Synchronous, for one thread at a time. Another process may open it beside the server, for dead letters: what it makes
due again is marked `fresh`, and the server finds it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from ...interfaces import DeadWebhook, WebhookJob
from .faults import UnreadableError, UnusableFileError

__all__ = ["Buried", "Change", "Database", "Grave", "Kept", "Stored"]

_VERSION = 1
"""`PRAGMA user_version` of these tables."""
_BUSY = 5.0
"""Seconds to wait for another process that writes."""
_WAL_BYTES = 4 * 1024 * 1024
"""What a write-ahead log is cut down to once it was larger."""
_RESERVE = 8 * 1024 * 1024
"""Bytes of the disk that are left for what makes room, which must be written first, too; of a small one a half. It is
more than a log and the growth of the file when that is copied back: SQLite does it every 4 MB."""
_JOB = "id, app_id, hook, time_ms, attempt, first_ms, size, events"
_PLACE = "seq INTEGER PRIMARY KEY AUTOINCREMENT"
_COLUMNS = """
    id TEXT NOT NULL UNIQUE, app_id TEXT NOT NULL, hook TEXT NOT NULL, time_ms INTEGER NOT NULL,
    attempt INTEGER NOT NULL, first_ms INTEGER, size INTEGER NOT NULL, events TEXT NOT NULL"""
_TABLES = (
    f"CREATE TABLE jobs ({_PLACE}, due REAL NOT NULL, fresh INTEGER NOT NULL, {_COLUMNS})",
    "CREATE INDEX jobs_fresh ON jobs (seq) WHERE fresh",
    f"CREATE TABLE dead ({_PLACE}, at_ms INTEGER NOT NULL, reason TEXT NOT NULL, {_COLUMNS})",
    f"PRAGMA user_version = {_VERSION}",
)
_KEEP = (
    f"INSERT INTO jobs (due, fresh, {_JOB}) VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "  # noqa: S608
    "due = excluded.due, attempt = excluded.attempt, first_ms = excluded.first_ms"
)
_BURY = f"INSERT OR REPLACE INTO dead (at_ms, reason, {_JOB}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_BOUND = """
    DELETE FROM dead WHERE seq IN (SELECT seq FROM (
        SELECT seq, count(*) OVER newest AS place, sum(size) OVER newest AS total FROM dead
        WINDOW newest AS (ORDER BY seq DESC)
    ) WHERE place > ? OR (total > ? AND place > 1))"""


class Kept(NamedTuple):
    """The job waits; due at this time of the clock. `new`: it was never written."""

    job: WebhookJob
    due: float
    new: bool = False


class Buried(NamedTuple):
    """The job is a dead letter."""

    letter: DeadWebhook


Change: TypeAlias = Kept | Buried | None
"""What has become of a job; None: it is gone."""


class Stored(NamedTuple):
    """A job as it was found, with its place in the order of acceptance."""

    place: int
    job: WebhookJob
    due: float


class Grave(NamedTuple):
    """Which dead letter, without what was in it."""

    id: str
    app_id: str
    hook: str


class Database:
    """One connection. Raises `UnusableFileError`, `sqlite3.Error` and `OSError`."""

    def __init__(self, path: str, *, create: bool = True) -> None:
        # Who cannot open it is told more by the system than by SQLite. The events in it are for this user only; SQLite
        # gives its other files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600))
        self._folder = os.path.dirname(os.path.realpath(path))
        self._connection = sqlite3.connect(
            f"file:{_quoted(path)}?mode=rw", uri=True, timeout=_BUSY, isolation_level=None
        )
        self.created = False
        """The file was empty."""
        try:
            self._prepare(path)
        except BaseException:
            self._connection.close()
            raise
        self._seen = self._data_version()

    def close(self) -> None:
        self._connection.close()

    def write(self, changes: Mapping[str, Change], dead_at_most: int, dead_size: int) -> None:
        """All of these changes by job id, or none, on the disk when this returns."""
        kept: list[tuple[Any, ...]] = []
        gone: list[tuple[str]] = []
        buried: list[tuple[Any, ...]] = []
        for job_id, change in changes.items():
            if isinstance(change, Kept):
                kept.append((change.due, *_row(change.job)))
                continue
            gone.append((job_id,))
            if change is not None:
                at_ms, reason = change.letter.at_ms, _storable(change.letter.reason)
                buried.append((at_ms, reason, *_row(change.letter.job)))
        with self._transaction() as run:
            run.executemany(_KEEP, kept)
            run.executemany("DELETE FROM jobs WHERE id = ?", gone)
            run.executemany(_BURY, buried)
            if buried:
                run.execute(_BOUND, (dead_at_most, dead_size))

    def room(self) -> int:
        """Bytes by which jobs may grow before the disk is too full, free ones in the file counted; may be negative."""
        disk = os.statvfs(self._folder)
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        unused, page = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size")
        )
        return int(free - min(_RESERVE, size // 2) + unused * page)

    def prove(self) -> None:
        """Write something that changes nothing, to see whether one can."""
        with self._transaction() as run:
            run.execute(f"PRAGMA user_version = {_VERSION}")

    def known(self, job_ids: Iterable[str]) -> set[str]:
        """Those of them that are jobs in the file."""
        run = self._connection
        return {job_id for job_id in job_ids if run.execute("SELECT 1 FROM jobs WHERE id = ?", (job_id,)).fetchone()}

    def empty_log(self) -> None:
        """Give the disk back what the write-ahead log takes, as far as nobody reads it."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def load(self) -> list[Stored]:
        """Every job, in order of acceptance."""
        with self._transaction() as run:
            run.execute("UPDATE jobs SET fresh = 0 WHERE fresh")
            return self._stored("")

    def changed_by_others(self) -> bool:
        """Whether somebody else wrote since the last time."""
        seen, self._seen = self._seen, self._data_version()
        return seen != self._seen

    def fresh(self) -> list[Stored]:
        """Jobs made due again that nobody has heard of yet; each is told once."""
        with self._transaction() as run:
            found = self._stored("WHERE fresh")
            run.execute("UPDATE jobs SET fresh = 0 WHERE fresh")
            return found

    def dead(self, most: int = -1, job_id: str | None = None) -> list[DeadWebhook]:
        """Dead letters, newest first; the one with this id only."""
        rows = self._connection.execute(
            f"SELECT {_JOB}, reason, at_ms FROM dead WHERE ?1 IS NULL OR id = ?1 ORDER BY seq DESC LIMIT ?2",  # noqa: S608
            (job_id, most),
        )
        return [DeadWebhook(_job(row[:8]), row[8], row[9]) for row in rows]

    def revive(self, job_id: str | None) -> int:
        """Makes this dead letter, None: every one, due as if it were new; how many there were."""
        with self._transaction():
            return self._revive(job_id)

    def graves(self) -> list[Grave]:
        """Every dead letter, oldest first."""
        rows = self._connection.execute("SELECT id, app_id, hook FROM dead ORDER BY seq")
        return [Grave(*row) for row in rows]

    def replay(self, graves: Iterable[Grave]) -> int:
        """Makes these dead letters due as `revive` does, each to the hook it has here; how many there still were."""
        with self._transaction() as run:
            count = 0
            for job_id, _, hook in graves:
                run.execute("UPDATE dead SET hook = ? WHERE id = ?", (hook, job_id))
                count += self._revive(job_id)
            return count

    def drop(self, job_id: str | None) -> int:
        """Forgets this dead letter, None: every one; how many there were."""
        with self._transaction():
            return self._drop(job_id)

    def _revive(self, job_id: str | None) -> int:
        self._connection.execute(
            f"INSERT OR IGNORE INTO jobs (due, fresh, {_JOB}) "  # noqa: S608
            "SELECT 0, 1, id, app_id, hook, time_ms, 0, NULL, size, events FROM dead "
            "WHERE ?1 IS NULL OR id = ?1 ORDER BY seq",
            (job_id,),
        )
        return self._drop(job_id)

    def _drop(self, job_id: str | None) -> int:
        return self._connection.execute("DELETE FROM dead WHERE ?1 IS NULL OR id = ?1", (job_id,)).rowcount

    def _stored(self, where: str) -> list[Stored]:
        rows = self._connection.execute(f"SELECT {_JOB}, seq, due FROM jobs {where} ORDER BY seq")  # noqa: S608
        return [Stored(row[8], _job(row[:8]), row[9]) for row in rows]

    def _prepare(self, path: str) -> None:
        run = self._connection
        version = self._version(path)
        if not version and run.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise UnusableFileError(f"{path} is a database of something else: name another file")
        run.execute("PRAGMA journal_mode = WAL")
        run.execute("PRAGMA synchronous = FULL")
        # Debian's SQLite writes zeros over everything deleted: room on a full disk must not need as much room.
        run.execute("PRAGMA secure_delete = FAST")
        run.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        if version:
            return
        with self._transaction():
            if not self._version(path):  # nobody was faster
                self.created = True
                for statement in _TABLES:
                    run.execute(statement)

    def _version(self, path: str) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise UnusableFileError(
                f"{path} was written by another version of the server (its tables are number {version}, this version "
                f"knows {_VERSION}): use that version, or move the file away"
            )
        return version

    def _data_version(self) -> int:
        found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return found

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            yield run
            run.execute("COMMIT")
        except BaseException:
            if run.in_transaction:  # not when SQLite has undone it by itself, as with a full disk
                run.execute("ROLLBACK")
            raise


def _row(job: WebhookJob) -> tuple[Any, ...]:
    # ASCII: a text that is no Unicode must not keep everybody else's jobs from the disk
    events = json.dumps(job.events)
    app_id, hook = _storable(job.app_id), _storable(job.hook)
    return job.id, app_id, hook, job.time_ms, job.attempt, job.first_ms, len(events), events


def _job(row: Sequence[Any]) -> WebhookJob:
    job_id, app_id, hook, time_ms, attempt, first_ms, _, events = row
    try:
        texts = tuple(json.loads(events))
    except (TypeError, ValueError):
        raise UnreadableError(job_id) from None
    return WebhookJob(job_id, app_id, hook, time_ms, texts, attempt, first_ms)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _quoted(path: str) -> str:
    """A path inside a `file:` address."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
