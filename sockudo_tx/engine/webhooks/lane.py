"""Jobs that were taken and wait for room at one endpoint: its hooks take turns, each in its own order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ...interfaces import WebhookJob

__all__ = ["Lane"]

_ENOUGH = 4
"""Jobs of one hook that are here, lest it wait for the queue when its turn comes."""


class Lane:
    """`busy` has the names of all hooks that have enough here; several lanes may share one, of different hooks."""

    __slots__ = ("_busy", "_hooks")

    def __init__(self, busy: set[str]) -> None:
        self._busy = busy
        self._hooks: dict[str, deque[WebhookJob]] = {}
        """Whose turn is next comes first."""

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def add(self, job: WebhookJob) -> None:
        jobs = self._hooks.get(job.hook)
        if jobs is None:
            jobs = self._hooks[job.hook] = deque()
        jobs.append(job)
        if len(jobs) >= _ENOUGH:
            self._busy.add(job.hook)

    def pop(self) -> WebhookJob:
        """The next job of the hook whose turn it is."""
        return self._pop(next(iter(self._hooks)))

    def pop_while(self, condition: Callable[[WebhookJob], bool]) -> list[WebhookJob]:
        """Of each hook the first jobs, as far as this holds for them."""
        popped: list[WebhookJob] = []
        for hook in list(self._hooks):
            while hook in self._hooks and condition(self._hooks[hook][0]):
                popped.append(self._pop(hook))
        return popped

    def _pop(self, hook: str) -> WebhookJob:
        jobs = self._hooks.pop(hook)
        job = jobs.popleft()
        if jobs:
            self._hooks[hook] = jobs
        if len(jobs) < _ENOUGH:
            self._busy.discard(hook)
        return job
