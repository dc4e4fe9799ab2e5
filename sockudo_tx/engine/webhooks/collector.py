"""Facts, gathered for a moment per app and hook, become jobs in the queue."""

from __future__ import annotations

import uuid
from collections import deque
from itertools import islice
from typing import NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ...interfaces import BackendError, Fact, IFacts, IWebhookQueue, WebhookJob
from ...protocol.app import App, Webhook
from ...protocol.webhooks import EVENTS_AT_MOST, Hook, event_object, hooks_of
from ..answers import ask
from .settings import WebhookSettings
from .tally import WebhookTally

__all__ = ["Collector"]

_APPS_AT_MOST = 10_000
"""Apps whose hooks are kept ready."""
_WAITING_AT_MOST = 100_000
"""Events that wait to be written as jobs, in full batches; the oldest are dropped (a mass disconnect makes many)."""
_CHARS_AT_MOST = 64 * 1024 * 1024
"""Characters of client events' data among what waits here; the oldest events are dropped."""
_BATCH_CHARS = 1024 * 1024
"""A batch is full with so many, whatever the number of its events."""
_SPILL_AT_MOST = 10_000
"""Jobs that wait for a queue that does not accept them (scaling.md 11); further events wait unwritten."""
_EVENTS_A_TURN = 500
"""Events written as JSON in one turn of the reactor, about a millisecond; as many as a slice of a crowd that leaves
tells ten webhooks, lest they pile up."""
_JOBS_A_PUT = 200
"""Given to the queue in one go; so many wait together for a slow disk, so that its slowness costs delay only."""
_AGAIN = 1.0
"""Seconds until the queue is asked again after it failed."""


class _Ready(NamedTuple):
    """The hooks of an app whose webhooks are these."""

    webhooks: tuple[Webhook, ...]
    hooks: tuple[Hook, ...]
    types: frozenset[str]


class _Batch:
    """Events of one app for one hook, in order; the time is that of the first."""

    __slots__ = ("app_id", "chars", "facts", "hook", "time_ms", "timer")

    def __init__(self, app_id: str, hook: str, time_ms: int) -> None:
        self.app_id = app_id
        self.hook = hook
        self.time_ms = time_ms
        self.facts: list[Fact] = []
        self.chars = 0
        """Of the data in it."""
        self.timer: IDelayedCall | None = None


@implementer(IFacts)
class Collector:
    """Takes facts in the turn they happen in; the jobs are made in turns of their own, a piece at a time."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        queue: IWebhookQueue,
        settings: WebhookSettings,
        tally: WebhookTally,
        functions: bool,
    ) -> None:
        """`functions`: whether Lambda functions can be called; webhooks to them hear nothing otherwise."""
        self.settings = settings
        self._clock = clock
        self._queue = queue
        self._tally = tally
        self._functions = functions
        self._ready: dict[str, _Ready] = {}
        self._open: dict[tuple[str, str], _Batch] = {}
        self._full: deque[_Batch] = deque()
        self._waiting = 0
        """Events in `_full`."""
        self._chars = 0
        """Of the data in `_full` and `_spill`."""
        self._spill: deque[tuple[WebhookJob, int]] = deque()
        """Jobs, with the characters of their data."""
        self._putting = 0
        """Jobs at the front of `_spill` that the queue is taking now."""
        self._pump: IDelayedCall | None = None
        self._stopped = False

    @property
    def idle(self) -> bool:
        """Whether everything emitted is in the queue."""
        return not (self._open or self._full or self._spill)

    def wants(self, app: App, name: str) -> bool:
        return bool(app.webhooks) and name in self._of(app).types

    def emit(self, app: App, fact: Fact) -> None:
        if self._stopped:
            return
        for hook in self._of(app).hooks:
            if hook.wants(fact.name, fact.channel):
                self._file(app.id, hook.name, fact)

    def flush(self) -> None:
        """Make jobs of everything gathered so far without waiting for more."""
        for key in list(self._open):
            self._complete(key)

    def stop(self) -> int:
        """Take nothing more, and make no more jobs; how many events were on their way to the queue, and are lost."""
        self._stopped = True
        for call in (self._pump, *(batch.timer for batch in self._open.values())):
            if call is not None and call.active():
                call.cancel()
        lost = self._waiting + sum(len(batch.facts) for batch in self._open.values())
        while len(self._spill) > self._putting:  # those before that are the queue's affair
            lost += len(self._spill.pop()[0].events)
        self._open.clear()
        self._full.clear()
        self._waiting = 0
        return lost

    def _of(self, app: App) -> _Ready:
        ready = self._ready.get(app.id)
        if ready is None or ready.webhooks is not app.webhooks:
            if len(self._ready) >= _APPS_AT_MOST:
                self._ready.clear()
            hooks = hooks_of(app, functions=self._functions)
            types = frozenset().union(*(hook.types for hook in hooks))
            ready = self._ready[app.id] = _Ready(app.webhooks, hooks, types)
        return ready

    def _file(self, app_id: str, hook: str, fact: Fact) -> None:
        key = (app_id, hook)
        batch = self._open.get(key)
        batching, seconds, size = self.settings[:3]
        if batch is None:
            batch = self._open[key] = _Batch(app_id, hook, int(self._clock.seconds() * 1000))
            if batching:
                batch.timer = self._clock.callLater(seconds, self._complete, key)
        batch.facts.append(fact)
        batch.chars += len(fact.data or "")
        full = len(batch.facts) >= min(max(size, 1), EVENTS_AT_MOST) or batch.chars >= _BATCH_CHARS
        if full or not batching:
            self._complete(key)

    def _complete(self, key: tuple[str, str]) -> None:
        batch = self._open.pop(key)
        if batch.timer is not None and batch.timer.active():
            batch.timer.cancel()
        self._full.append(batch)
        self._waiting += len(batch.facts)
        self._chars += batch.chars
        while self._full and (self._waiting > _WAITING_AT_MOST or self._chars > _CHARS_AT_MOST):
            self._drop(self._full.popleft())
        self._pump_later(0.0)

    def _drop(self, batch: _Batch) -> None:
        self._waiting -= len(batch.facts)
        self._chars -= batch.chars
        for fact in batch.facts:
            self._tally.lost(batch.app_id, fact.name)
        self._log.warn("webhook events dropped: too many at once", app=batch.app_id, events=len(batch.facts))

    def _pump_later(self, seconds: float) -> None:
        if self._pump is None and not self._stopped:
            self._pump = self._clock.callLater(seconds, self._turn)

    def _turn(self) -> None:
        """Write some batches as jobs, and give the queue what there is unless it is still busy with earlier ones."""
        self._pump = None
        written = 0
        while self._full and written < _EVENTS_A_TURN and len(self._spill) < _SPILL_AT_MOST:
            batch = self._full.popleft()
            self._waiting -= len(batch.facts)
            written += len(batch.facts)
            events = tuple([event_object(*fact) for fact in batch.facts])
            job = WebhookJob(uuid.uuid4().hex, batch.app_id, batch.hook, batch.time_ms, events)
            self._spill.append((job, batch.chars))
        if self._spill and not self._putting:
            jobs = [job for job, _ in islice(self._spill, _JOBS_A_PUT)]
            self._putting = len(jobs)
            ask(lambda: self._queue.put(jobs), self._accepted, self._refused)
        if self._putting and self._full and len(self._spill) < _SPILL_AT_MOST:
            self._pump_later(0.0)

    def _accepted(self, _: None) -> None:
        for _each in range(self._putting):
            self._chars -= self._spill.popleft()[1]
        self._putting = 0
        if self._full or self._spill:
            self._pump_later(0.0)

    def _refused(self, error: BackendError) -> None:
        self._putting = 0
        self._log.warn("the webhook queue does not accept: {error}", error=str(error), waiting=len(self._spill))
        self._pump_later(_AGAIN)
