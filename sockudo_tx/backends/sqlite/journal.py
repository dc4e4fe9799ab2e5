"""Writes what becomes of webhook jobs to the file, in a thread of its own.

Only the last change of a job is kept until it is written. What comes while one transaction is on its way to the disk
goes together in the next: however many puts there are, one waits for two turns of the disk at most, if these are not
larger than a MiB. On a disk that is almost full what was settled is written first, and makes room.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...interfaces import BackendError
from .database import Buried, Change, Database, Kept, Stored
from .faults import NoRoomError, UnusableFileError, cause
from .place import Place

__all__ = ["SPILL", "Journal", "Listener"]

SPILL = 10_000
"""Changes that wait for a disk that does not take them (scaling.md 11); then the oldest is not written at all."""
_AGAIN = 1.0
"""Seconds between two attempts, and between two looks for what another process has written."""
_CALM = 5
"""Attempts in a row that succeed until a disk that failed is trusted again: one that is full takes a little now and
then."""
_PART = 1024 * 1024
"""Bytes that are written in one transaction, unless a single job is larger."""
_FEW = 200
"""Changes that are written in one transaction on a full disk."""
_CHUNK = 500
"""Jobs told in one turn of the reactor."""


class Listener(Protocol):
    """Hears from the journal, in the reactor's thread."""

    def found(self, jobs: list[Stored], old: bool) -> None:
        """Jobs of the file: those of an earlier life (`old`), or made due again by somebody."""

    def empty(self) -> None:
        """The file is a new one: nothing of what waits is in it."""

    def trouble(self, text: str | None) -> None:
        """The file cannot be used, or (None) can again."""

    def left(self, changes: int) -> None:
        """So many changes were never written, and now the thread has ended."""


class _Question(NamedTuple):
    ask: Callable[[Database], Any]
    answer: Deferred[Any]


class Journal:
    """The thread, and what it is to do. Everything but `_run` and below belongs to the reactor's thread."""

    _log = Logger()

    def __init__(
        self, path: str, tell: Callable[..., Any], listener: Listener, dead_at_most: int, dead_size: int
    ) -> None:
        self.path = path
        self.fault: str | None = None
        """Why the file cannot be used at present."""
        self._tell = tell  # `callFromThread`
        self._listener = listener
        self._dead_bounds = (dead_at_most, dead_size)
        self._changed = threading.Condition()
        self._changes: dict[str, Change] = {}
        self._waiting: list[Deferred[None]] = []
        self._questions: list[_Question] = []
        self._closing: Deferred[None] | None = None
        self._begun = False
        self._place = Place(path)
        self._told: set[str] = set()
        """Faults of this trouble: a full disk fails in more than one way."""
        self._calm = 0
        """Attempts that must still succeed."""
        self._moved = False
        self._database: Database | None = None
        self._loaded = False

    def begin(self) -> None:
        """Start the thread; not before a fork."""
        if not self._begun and self._closing is None:
            self._begun = True
            threading.Thread(target=self._run, name="sockudo webhook queue", daemon=True).start()

    def write(self, changes: dict[str, Change], written: Deferred[None] | None = None) -> None:
        """Write these changes soon. `written` fires when they are on the disk, or when it is known that they cannot be
        for now; `BackendError` if they never will be."""
        with self._changed:
            if self._closing is not None:
                answer: Any = Failure(BackendError(f"{self.path} is closed"))
            else:
                for job_id, change in changes.items():
                    self._note(job_id, change)
                answer = None
                if self.fault is not None:
                    self._spill()
                elif written is not None:
                    self._waiting.append(written)
                    written = None
            self._changed.notify()
        if written is not None:
            written.callback(answer)

    def _note(self, job_id: str, change: Change) -> None:
        earlier = self._changes.get(job_id)
        if isinstance(earlier, Kept) and earlier.new:
            if change is None:  # it is gone before it was written
                del self._changes[job_id]
                return
            if isinstance(change, Kept):
                change = change._replace(new=True)
        self._changes[job_id] = change

    def ask(self, question: Callable[[Database], Any]) -> Deferred[Any]:
        """Ask the file, after what is to be written. Fails with `BackendError` when it cannot be used."""
        answer: Deferred[Any] = Deferred()
        with self._changed:
            if self._closing is not None:
                return fail(BackendError(f"{self.path} is closed"))
            self._questions.append(_Question(question, answer))
            self._changed.notify()
        return answer

    def close(self) -> Deferred[None]:
        """Write what is left, once, and end the thread."""
        answer: Deferred[None] = Deferred()
        with self._changed:
            if self._closing is not None:
                return succeed(None)
            self._closing = answer
            self._changed.notify()
        if not self._begun:  # nor will it ever
            for waiting in self._waiting:
                waiting.callback(None)
            for question in self._questions:
                question.answer.errback(Failure(BackendError(f"{self.path} is closed")))
            if self._changes:
                self._listener.left(len(self._changes))
            answer.callback(None)
        return answer

    def _spill(self) -> None:
        """The oldest changes beyond the limit are never written."""
        for job_id in list(self._changes)[: max(0, len(self._changes) - SPILL)]:
            del self._changes[job_id]

    def _run(self) -> None:
        """The thread."""
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(self._something_to_do, _AGAIN)
                changes, self._changes = self._changes, {}
                waiting, self._waiting = self._waiting, []
                questions, self._questions = self._questions, []
                closing = self._closing is not None
            try:
                self._work(changes)
            except Exception as error:  # noqa: BLE001  # the boundary: without the thread nobody would be answered
                self._failed(error, changes, waiting, questions)
                continue
            if self.fault is not None:
                self._recover()
            for answer in waiting:
                self._tell(answer.callback, None)
            for question in questions:
                self._answer(question)
        self._end()

    def _something_to_do(self) -> bool:
        if self._closing is not None:
            return True
        return self.fault is None and bool(self._changes or self._waiting or self._questions)

    def _work(self, changes: dict[str, Change]) -> None:
        """Takes out of `changes` what is written. Raises whatever keeps the rest."""
        database = self._database or self._open()
        if not self._place.still_ours():
            self._moved = True
            raise UnusableFileError("it was deleted or replaced while this server used it: what waits is written anew")
        self._write(database, changes)
        if self.fault is not None:
            if database.room() <= 0:
                raise NoRoomError
            database.prove()
        if database.changed_by_others():
            self._tell_found(database.fresh(), False)

    def _write(self, database: Database, changes: dict[str, Change]) -> None:
        need = sum(map(_size, changes.values()))
        tight = need > 0 and need > database.room()
        if tight:
            database.empty_log()
            inside = database.known(job_id for job_id, change in changes.items() if change is not None)
            settled = {job_id: change for job_id, change in changes.items() if change is None or job_id in inside}
            for part in _parts(settled, _FEW):
                self._write_part(database, part, changes)
        for part in _parts(changes):
            if tight and sum(map(_size, part.values())) > database.room():
                raise NoRoomError
            self._write_part(database, part, changes)

    def _write_part(self, database: Database, part: dict[str, Change], changes: dict[str, Change]) -> None:
        database.write(part, *self._dead_bounds)
        for job_id in part:
            del changes[job_id]

    def _open(self) -> Database:
        self._place.claim()
        self._database = database = Database(self.path)
        if not self._loaded or self._moved:
            self._tell_found(database.load(), not self._loaded)
            self._loaded = True
        if database.created or self._moved:
            self._moved = False
            self._tell(self._listener.empty)
        return database

    def _tell_found(self, jobs: list[Stored], old: bool) -> None:
        for start in range(0, len(jobs), _CHUNK):
            self._tell(self._listener.found, jobs[start : start + _CHUNK], old)

    def _answer(self, question: _Question) -> None:
        assert self._database is not None
        try:
            answer = question.ask(self._database)
            self._tell_found(self._database.fresh(), False)
        except Exception as error:  # noqa: BLE001  # as in `_run`
            self._tell(question.answer.errback, Failure(BackendError(f"{self.path}: {cause(error)}")))
        else:
            self._tell(question.answer.callback, answer)

    def _failed(
        self, error: Exception, changes: dict[str, Change], waiting: list[Deferred[None]], questions: list[_Question]
    ) -> None:
        """Nothing of it was written, as far as we know: later with what has come since."""
        text = cause(error)
        self.fault = text
        disk = isinstance(error, sqlite3.Error | NoRoomError)
        self._calm = _CALM if disk else 1
        if not isinstance(error, NoRoomError):
            changes = {
                job_id: change._replace(new=False) if isinstance(change, Kept) else change
                for job_id, change in changes.items()
            }
            self._let_go()
        with self._changed:
            self._changes = {**changes, **self._changes}
            self._spill()
        for each in waiting:
            self._tell(each.callback, None)
        for question in questions:
            if self._database is not None:
                self._answer(question)
            else:
                self._tell(question.answer.errback, Failure(BackendError(f"{self.path}: {text}")))
        if text not in self._told:
            self._told.add(text)
            if not isinstance(error, sqlite3.Error | OSError | UnusableFileError):
                self._tell(self._log.failure, "Bug: the webhook queue cannot use its file", Failure(error))
            self._tell(self._listener.trouble, text)

    def _recover(self) -> None:
        self._calm -= 1
        if self._calm <= 0:
            self.fault = None
            self._told.clear()
            self._tell(self._listener.trouble, None)

    def _let_go(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        self._place.let_go()

    def _end(self) -> None:
        self._let_go()
        self._place.close()
        assert self._closing is not None
        if self._changes:
            self._tell(self._listener.left, len(self._changes))
        self._tell(self._closing.callback, None)


def _parts(changes: Mapping[str, Change], most: int | None = None) -> Iterator[dict[str, Change]]:
    """All of them, in their order."""
    part: dict[str, Change] = {}
    size = 0
    for job_id, change in list(changes.items()):
        size += _size(change)
        if part and (size > _PART or len(part) == most):
            yield part
            part, size = {}, _size(change)
        part[job_id] = change
    if part:
        yield part


def _size(change: Change) -> int:
    """Bytes by which the file may grow, rather too many."""
    if change is None:
        return 0
    job = change.letter.job if isinstance(change, Buried) else change.job
    return 2 * sum(map(len, job.events)) + 1024
