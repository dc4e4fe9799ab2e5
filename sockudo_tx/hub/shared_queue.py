"""One webhook queue for all workers: one of them delivers at a time, and nothing is lost with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import Answer, IWebhookQueue, WebhookJob
from .services import typed

if TYPE_CHECKING:
    from .station import Station

__all__ = ["SharedQueue"]

_GIVEN_AT_MOST = 4 * 1024 * 1024
"""Characters of events given at once, unless they are one job's: an answer that no message holds would reach nobody."""
_SAME_FOR_ALL = ("put", "hasten", "depth", "dead", "revive", "drop", "health")


class SharedQueue:
    """Gives jobs to the worker with the lowest slot that serves: so limits an endpoint and breakers are exact.

    What a worker has claimed is its own until it settles it, closes its queue, or goes; then it is due again.
    """

    _log = Logger()

    def __init__(self, queue: IWebhookQueue) -> None:
        self._queue = queue
        self._stations: Sequence[Station] = ()
        self._holder: Station | None = None
        self._claims: dict[Station, dict[str, WebhookJob]] = {}
        """Of each worker that has not closed its queue, by id."""
        queue.listen(self._wake, self._lost)

    @property
    def durable(self) -> bool:
        return bool(self._queue.durable)

    @property
    def claims(self) -> int:
        """Jobs that workers have."""
        return sum(map(len, self._claims.values()))

    def methods(self, station: Station) -> dict[str, Callable[..., Any]]:
        """What this worker may call."""
        self._claims[station] = {}
        queue = self._queue

        def take(most: int, busy: set[str], tired: set[str]) -> Answer[list[WebhookJob]]:
            return self._take(station, most, busy, tired)

        def done(job_id: str) -> Answer[None]:
            return self._settle(station, job_id, queue.done)

        def retry(job: WebhookJob, delay: float) -> Answer[None]:
            return self._settle(station, job.id, lambda _: queue.retry(job, delay))

        def bury(job: WebhookJob, reason: str) -> Answer[None]:
            return self._settle(station, job.id, lambda _: queue.bury(job, reason))

        def close() -> None:
            self._close(station)

        own = {"take": take, "done": done, "retry": retry, "bury": bury, "close": close}
        same = {name: getattr(queue, name) for name in _SAME_FOR_ALL}
        return {f"queue.{name}": typed(method) for name, method in (*own.items(), *same.items())}

    def elect(self, stations: Sequence[Station]) -> None:
        """Who delivers now: of those that serve, one that stays before one that leaves."""
        self._stations = stations
        candidates = [each for each in stations if each.is_ready and each in self._claims]
        holder = min(candidates, key=lambda each: (each.draining, each.slot), default=None)
        if holder is not self._holder:
            self._holder = holder
            self._wake()

    def give_back(self, station: Station) -> None:
        """The worker settles nothing more."""
        for job in self._claims.pop(station, {}).values():
            self._return(job)

    def _close(self, station: Station) -> None:
        self.give_back(station)
        self.elect(self._stations)

    def _return(self, job: WebhookJob) -> None:
        returned = self._queue.retry(job, 0.0)
        if isinstance(returned, Deferred):
            returned.addErrback(lambda failure: self._log.failure("a webhook could not be given back", failure))  # type: ignore[unused-awaitable]

    def _take(self, station: Station, most: int, busy: set[str], tired: set[str]) -> Answer[list[WebhookJob]]:
        if station is not self._holder:
            return []
        taken = self._queue.take(most, busy, tired)
        if isinstance(taken, Deferred):
            return taken.addCallback(lambda jobs: self._claimed(station, jobs))
        return self._claimed(station, taken)

    def _claimed(self, station: Station, jobs: list[WebhookJob]) -> list[WebhookJob]:
        claims = self._claims.get(station)
        if claims is None:  # it has gone while the queue looked
            for job in jobs:
                self._return(job)
            return []
        given: list[WebhookJob] = []
        size = 0
        for job in jobs:
            size += sum(map(len, job.events))
            if given and size > _GIVEN_AT_MOST:
                self._return(job)
            else:
                given.append(job)
                claims[job.id] = job
        return given

    def _settle(self, station: Station, job_id: str, settle: Callable[[WebhookJob], Answer[None]]) -> Answer[None]:
        """Only what the worker has; whatever else it says of a job is late."""
        job = self._claims.get(station, {}).pop(job_id, None)
        return None if job is None else settle(job)

    def _wake(self) -> None:
        if self._holder is not None:
            self._holder.tell("queue.wake")

    def _lost(self, job: WebhookJob) -> None:
        if self._holder is not None:
            self._holder.tell("queue.lost", job)
