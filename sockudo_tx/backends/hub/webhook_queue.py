"""The webhook queue of the hub, as its workers see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ...interfaces import DeadWebhook, IWebhookQueue, WebhookJob
from .link import HubLink
from .unanswered import all_done
from .wire import decode

__all__ = ["HubQueue"]

_PUT_AT_MOST = 1024 * 1024
"""Characters of events put in one call, unless they are one job's: of the largest a call does not hold many."""


@implementer(IWebhookQueue)
class HubQueue:
    """One queue for all workers; the hub gives jobs to one of them at a time, and to the others none.

    What a worker has claimed when it goes is due again.
    """

    def __init__(self, link: HubLink) -> None:
        self._link = link

    @property
    def durable(self) -> bool:
        """Not when all workers leave and the hub has it only in memory."""
        return self._link.welcome.durable or not self._link.last

    def _call(self, method: str, wanted: Any, *args: object) -> Deferred[Any]:
        return self._link.call("queue", method, wanted, *args)

    def _tell(self, method: str, *args: object) -> Deferred[None]:
        """The hub does it, however late: who told it again would have it delivered twice."""
        return self._link.call("queue", method, None, *args, patient=True)

    def put(self, jobs: Sequence[WebhookJob]) -> Deferred[None]:
        return all_done([self._tell("put", piece) for piece in _pieces(jobs)])

    def take(self, most: int, busy: Collection[str], tired: Collection[str] = ()) -> Deferred[list[WebhookJob]]:
        def late(jobs: list[WebhookJob]) -> None:
            """Nobody waits for them any more, and they are claimed."""
            for job in jobs:
                self.retry(job, 0.0).addErrback(lambda _: None)  # type: ignore[unused-awaitable]

        return self._link.call("queue", "take", list[WebhookJob], most, list(busy), list(tired), late=late)

    def done(self, job: WebhookJob) -> Deferred[None]:
        return self._tell("done", job.id)

    def retry(self, job: WebhookJob, delay: float) -> Deferred[None]:
        return self._tell("retry", job, delay)

    def hasten(self) -> Deferred[None]:
        return self._call("hasten", None)

    def bury(self, job: WebhookJob, reason: str) -> Deferred[None]:
        return self._tell("bury", job, reason)

    def listen(self, wake: Callable[[], None], lost: Callable[[WebhookJob], None]) -> None:
        self._link.hearers["queue.wake"] = lambda _: wake()
        self._link.hearers["queue.lost"] = lambda value: lost(decode(value, WebhookJob))

    def depth(self) -> Deferred[int]:
        return self._call("depth", int)

    def dead(self, most: int) -> Deferred[list[DeadWebhook]]:
        return self._call("dead", list[DeadWebhook], most)

    def revive(self, job_id: str) -> Deferred[bool]:
        return self._call("revive", bool, job_id)

    def drop(self, job_id: str) -> Deferred[bool]:
        return self._call("drop", bool, job_id)

    def health(self) -> Deferred[bool]:
        return self._call("health", bool)

    def close(self) -> Deferred[None]:
        """Take no more and give back what is claimed; the queue itself goes on."""
        return self._call("close", None)


def _pieces(jobs: Sequence[WebhookJob]) -> Iterator[list[WebhookJob]]:
    """The same jobs, in order."""
    piece: list[WebhookJob] = []
    size = 0
    for job in jobs:
        chars = sum(map(len, job.events))
        if piece and size + chars > _PUT_AT_MOST:
            yield piece
            piece, size = [], 0
        piece.append(job)
        size += chars
    if piece:
        yield piece
