"""A webhook queue that survives `kill -9` without any service to run: memory decides, a file remembers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from os.path import abspath
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ...config.schema import Config
from ...interfaces import DeadWebhook, IWebhookQueue, WebhookJob
from ..memory.webhook_queue import CAPACITY, DEAD_CAPACITY, SIZE_LIMIT, MemoryWebhookQueue
from .database import Buried, Database, Kept, Stored
from .journal import Journal

__all__ = ["SqliteWebhookQueue", "from_config"]

_BEFORE_OURS = 1 << 62
"""What an earlier life accepted comes before everything of this one."""
_LONGEST = 300.0
"""Seconds a job of an earlier life waits at most, should the clock have been set back."""


@implementer(IWebhookQueue)
class SqliteWebhookQueue:
    """`MemoryWebhookQueue`, whose every change goes to the file too.

    The answer of `put` comes when the jobs are on the disk; they can be taken before that. What is taken, and what was
    settled a moment before a crash, is due again after it, under its id. While the file cannot be used `health` is
    false and `put` waits for nothing: jobs are delivered from memory, and written as soon as it can; only what a crash
    meets then is lost.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        reactor: Any,
        clock: IReactorTime,
        capacity: int = CAPACITY,
        dead_capacity: int = DEAD_CAPACITY,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._waiting = MemoryWebhookQueue(clock, capacity)
        self._journal = Journal(path, reactor.callFromThread, self, dead_capacity, SIZE_LIMIT)
        self._wake: Callable[[], None] = lambda: None
        self._lost: Callable[[WebhookJob], None] = lambda job: None
        self._waiting.listen(lambda: None, self._dropped)
        self._begun = False

    @property
    def durable(self) -> bool:
        """Not while the file cannot be used."""
        return self.health()

    @property
    def dropped(self) -> int:
        """Jobs that made room for others since the start."""
        return self._waiting.dropped

    def put(self, jobs: Sequence[WebhookJob]) -> Deferred[None]:
        self._begin()
        written: Deferred[None] = Deferred()
        self._journal.write({job.id: Kept(job, 0.0, new=True) for job in jobs}, written)
        self._waiting.put(jobs)
        return written

    def take(self, most: int, busy: Collection[str], tired: Collection[str] = ()) -> list[WebhookJob]:
        return self._waiting.take(most, busy, tired)

    def done(self, job: WebhookJob) -> None:
        if self._waiting.claims(job.id):
            self._waiting.done(job)
            self._gone(job)

    def retry(self, job: WebhookJob, delay: float) -> None:
        if self._waiting.claims(job.id):
            self._journal.write({job.id: Kept(job, self._clock.seconds() + delay)})
            self._waiting.retry(job, delay)

    def hasten(self) -> None:
        self._waiting.hasten()

    def bury(self, job: WebhookJob, reason: str) -> None:
        self._waiting.done(job)
        letter = DeadWebhook(job, reason, int(self._clock.seconds() * 1000))
        self._journal.write({job.id: Buried(letter)})

    def listen(self, wake: Callable[[], None], lost: Callable[[WebhookJob], None]) -> None:
        self._wake = wake
        self._lost = lost
        self._waiting.listen(wake, self._dropped)
        self._begin()

    def depth(self) -> int:
        return self._waiting.depth()

    def dead(self, most: int) -> Deferred[list[DeadWebhook]]:
        return self._ask(lambda database: database.dead(most))

    def revive(self, job_id: str) -> Deferred[bool]:
        return self._ask(lambda database: database.revive(job_id) > 0)

    def drop(self, job_id: str) -> Deferred[bool]:
        return self._ask(lambda database: database.drop(job_id) > 0)

    def health(self) -> bool:
        return self._journal.fault is None

    def close(self) -> Deferred[None]:
        """What waits is due again when the file is opened the next time."""
        self._wake = lambda: None
        self._waiting.close()
        return self._journal.close()

    def found(self, jobs: list[Stored], old: bool) -> None:
        """The journal read jobs."""
        latest = self._clock.seconds() + _LONGEST
        for place, job, due in jobs:
            self._waiting.restore(job, min(due, latest), place - _BEFORE_OURS if old else None)
        self._wake()

    def empty(self) -> None:
        """The journal has a new file."""
        self._journal.write({job.id: Kept(job, due) for job, due in self._waiting.all()})

    def trouble(self, text: str | None) -> None:
        """The journal cannot write, or can again."""
        path = self._journal.path
        if text is None:
            self._log.info("the webhook queue is written to {path} again", path=path)
        else:
            self._log.error(
                "the webhook queue cannot be written to {path}: {error}. Meanwhile webhooks are delivered from memory",
                path=path,
                error=text,
            )

    def left(self, changes: int) -> None:
        """The journal has ended without having written everything."""
        self._log.error(
            "{changes} changes of webhook deliveries were not written to {path}: what waits of them is lost, what was "
            "delivered may be delivered again",
            changes=changes,
            path=self._journal.path,
        )

    def _begin(self) -> None:
        """The thread begins with the reactor: whoever daemonises forks before that."""
        if not self._begun:
            self._begun = True
            self._reactor.callWhenRunning(self._begin_now)

    def _begin_now(self) -> None:
        # `sockudo webhooks` elsewhere would look for another file.
        self._log.info("webhooks are kept in {path}", path=self._journal.path)
        self._journal.begin()

    def _dropped(self, job: WebhookJob) -> None:
        self._gone(job)
        self._lost(job)

    def _gone(self, job: WebhookJob) -> None:
        self._journal.write({job.id: None})

    def _ask(self, question: Callable[[Database], Any]) -> Deferred[Any]:
        self._begin()
        return self._journal.ask(question)


def from_config(config: Config, reactor: Any) -> SqliteWebhookQueue:
    """The driver `sqlite` of `queue`. The path is taken from here: a daemon may go elsewhere."""
    return SqliteWebhookQueue(abspath(config.queue.sqlite.path), reactor, IReactorTime(reactor))
