"""What another process has to be told sooner or later, and in order (scaling.md 9).

Whatever belongs together has a *lane*, such as a channel: within a lane everything is told in order, one batch after
the other, and again until it is told. Lanes share a few queues, each with one batch under way.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...interfaces import BackendError

__all__ = ["SUM", "VALUE", "Backlog", "BacklogSettings", "Entry"]

VALUE = "="
"""Begins the names of values."""
SUM = "n"
"""Begins lanes in which nothing may be done twice, and the order is of no matter."""
_CROWDED = 1000
"""Entries of a batch when more than the buffer wait."""
_LAZY = 0.05
"""Seconds that values are gathered which replace each other."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
"""Seconds between attempts."""


class BacklogSettings(NamedTuple):
    """Times in seconds."""

    batch: int = 64
    """Told at once, at most."""
    wait: float = 0.1
    """So long after a full batch the next one may be less than full. A few go at once, as soon as the last are told."""
    buffer: int = 1024
    """When more than these wait, batches are larger."""
    batches: int = 4
    """Under way at once."""


Entry = tuple[str, str, tuple[Any, ...], "Deferred[Any] | None"]
"""Lane, method, arguments, and who waits for the answer. A plain tuple: the garbage collector soon passes it over."""


class _Queue:
    """Some of the lanes. Everything in it goes by a name; what has the same name replaces what waits."""

    __slots__ = ("at", "crowded", "failures", "flight", "lazy", "lazy_at", "sent_at", "timer", "urgent", "waiting")

    def __init__(self) -> None:
        self.waiting: OrderedDict[str, Entry] = OrderedDict()
        self.lazy: OrderedDict[str, Entry] = OrderedDict()
        """Values that may be replaced before they are told."""
        self.lazy_at = 0.0
        self.flight: dict[str, Entry] = {}
        self.urgent = False
        """Somebody waits for an answer."""
        self.crowded = False
        """The last batch was full: more are coming, and the next one waits for them."""
        self.failures = 0
        self.sent_at = -math.inf
        self.timer: IDelayedCall | None = None
        self.at = math.inf
        """When the timer rings."""


class Backlog:
    """Calls methods of `remote`, later. `keep` says what is to be tried again of an entry that has failed."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        remote: Any,
        settings: BacklogSettings,
        keep: Callable[[Entry], Entry | None],
    ) -> None:
        self._clock = clock
        self._remote = remote
        self.settings = settings
        self._keep = keep
        self._queues = [_Queue() for _ in range(settings.batches)]
        self._lanes: dict[str, int] = {}
        """lane -> what waits or is under way, values aside"""
        self._size = 0
        self._trouble = False
        self._settled: list[Deferred[None]] = []
        self._stopped = False

    def __len__(self) -> int:
        return self._size

    def queue(self, lane: str) -> _Queue:
        return self._queues[hash(lane) % len(self._queues)]

    def busy(self, lane: str) -> bool:
        """Something of this lane waits or is under way."""
        return lane in self._lanes

    def waiting(self, lane: str, name: str) -> Entry | None:
        """What waits under this name."""
        return self.queue(lane).waiting.get(name)

    def put(self, name: str, entry: Entry) -> None:
        """Behind everything in its lane; in place of what waits under the same name."""
        lane, _, _, who = entry
        queue = self.queue(lane)
        if name not in queue.waiting:
            self._size += 1
            self._lanes[lane] = self._lanes.get(lane, 0) + 1
        queue.waiting[name] = entry
        if who is not None:
            queue.urgent = True
        self._wake(queue)

    def put_value(self, name: str, entry: Entry) -> None:
        """Soon, unless another value of this name comes first."""
        queue = self.queue(entry[0])
        if not queue.lazy:
            queue.lazy_at = self._clock.seconds() + _LAZY
        if name not in queue.lazy:
            self._size += 1
        queue.lazy[name] = entry
        self._wake(queue)

    def value(self, lane: str, name: str) -> Entry | None:
        """The value that waits under this name."""
        return self.queue(lane).lazy.get(name)

    def drop(self, lane: str, name: str) -> Entry | None:
        """Forget what waits under this name."""
        queue = self.queue(lane)
        if queue.lazy.pop(name, None) is not None:
            self._size -= 1
        entry = queue.waiting.pop(name, None)
        if entry is not None:
            self._size -= 1
            self._leave(lane)
        return entry

    def under_way(self, lane: str, name: str) -> bool:
        """Something of this name was sent, and is not answered."""
        return name in self.queue(lane).flight

    def hurry(self) -> None:
        """Send values now, as far as nothing is under way."""
        for queue in self._queues:
            if queue.lazy and not queue.flight and not queue.failures:
                queue.lazy_at = self._clock.seconds()
                self._send(queue)

    def settled(self) -> Deferred[None] | None:
        """Fires when everything is told; None when it is."""
        if not self._size:
            return None
        settled: Deferred[None] = Deferred()
        self._settled.append(settled)
        for queue in self._queues:
            queue.lazy_at = -math.inf
            queue.urgent = True
            self._wake(queue)
        return settled

    def clear(self) -> list[Entry]:
        """Forget everything that waits."""
        entries: list[Entry] = []
        for queue in self._queues:
            for entry in queue.waiting.values():
                entries.append(entry)
                self._leave(entry[0])
            self._size -= len(queue.waiting) + len(queue.lazy)
            queue.waiting.clear()
            queue.lazy.clear()
        self._perhaps_settled()
        return entries

    def stop(self) -> None:
        """Tell nobody anything any more."""
        self._stopped = True
        for queue in self._queues:
            if queue.timer is not None:
                queue.timer.cancel()
                queue.timer = None

    def _leave(self, lane: str) -> None:
        left = self._lanes[lane] - 1
        if left:
            self._lanes[lane] = left
        else:
            del self._lanes[lane]

    def _wake(self, queue: _Queue) -> None:
        """Have it sent when it is time."""
        if queue.flight or queue.failures or self._stopped:
            return
        now = self._clock.seconds()
        if queue.at <= now:
            return
        at = math.inf
        if queue.waiting:
            at = now
            if queue.crowded and not queue.urgent and len(queue.waiting) < self.settings.batch:
                at = max(now, queue.sent_at + self.settings.wait)
        if queue.lazy:
            at = min(at, max(now, queue.lazy_at))
        if at < queue.at:
            self._ring(queue, at - now)

    def _ring(self, queue: _Queue, delay: float) -> None:
        if self._stopped:
            return
        if queue.timer is not None:
            queue.timer.cancel()
        queue.at = self._clock.seconds() + delay
        queue.timer = self._clock.callLater(delay, self._rang, queue)

    def _rang(self, queue: _Queue) -> None:
        queue.timer = None
        queue.at = math.inf
        self._send(queue)

    def _send(self, queue: _Queue) -> None:
        """One batch: what waits, then values."""
        if queue.flight or self._stopped:
            return
        size = self.settings.batch if self._size <= self.settings.buffer else max(_CROWDED, self.settings.batch)
        flight = queue.flight
        while queue.waiting and len(flight) < size:
            name, entry = queue.waiting.popitem(last=False)
            flight[name] = entry
        queue.crowded = len(flight) >= size
        queue.urgent = bool(queue.waiting) and queue.urgent
        if queue.lazy_at <= self._clock.seconds():
            while queue.lazy and len(flight) < size:
                name, entry = queue.lazy.popitem(last=False)
                flight[name] = entry
        if not flight:
            queue.failures = 0
            self._wake(queue)
            return
        batch = _Batch(queue, len(flight) + 1, partial(self._answered, queue))
        for name, (_, method, args, _) in list(flight.items()):
            answer: Deferred[Any] = maybeDeferred(getattr(self._remote, method), *args)
            answer.addCallbacks(  # type: ignore[unused-awaitable]  # ends here
                batch.succeeded, batch.failed, callbackArgs=(name,), errbackArgs=(name,)
            )
        batch.one_less()

    def _answered(self, queue: _Queue, batch: _Batch) -> None:
        """All of the batch: what failed comes first in the next one."""
        flight, queue.flight = queue.flight, {}
        queue.sent_at = self._clock.seconds()
        outage = batch.outage
        answers: list[Callable[[], None]] = []
        again: list[tuple[str, Entry]] = []
        broken: dict[str, Failure] = {}
        for name, entry in flight.items():
            lane, method, _, who = entry
            failure = batch.failures.get(name)
            if failure is None and lane in broken and lane[0] != SUM:
                failure = broken[lane]  # what it comes after is tried again, so it has to come again too
            elif failure is not None and failure.check(BackendError):
                broken[lane] = failure
            kept: Entry | None = None
            if name[0] == VALUE:
                kept = entry if outage is not None else None  # of no use if what it depends on has failed
            elif failure is not None and failure.check(BackendError):
                kept = self._keep(entry)
            if failure is not None and not failure.check(BackendError):
                self._log.failure("Bug: {method} could not be asked for", failure, method=method)
            if kept is not None and (name in queue.lazy or name in queue.waiting):
                kept = None  # there is a newer one
            if who is not None and (kept is None or kept[3] is None):
                answers.append(partial(who.callback, batch.results.get(name) if failure is None else failure))
            if kept is not None:
                again.append((name, kept))
                continue
            self._size -= 1
            if name[0] != VALUE:
                self._leave(lane)
        for name, entry in reversed(again):
            table = queue.lazy if name[0] == VALUE else queue.waiting
            table[name] = entry
            table.move_to_end(name, last=False)
        self._tell_trouble(outage)
        if outage is None:
            queue.failures = 0
            self._wake(queue)
        else:
            answers += self._give_up(queue, outage)
            self._ring(queue, min(_LONGEST_WAIT, _FIRST_WAIT * 2**queue.failures))
            queue.failures = min(queue.failures + 1, 10)
        for answer in answers:
            answer()
        self._perhaps_settled()

    def _perhaps_settled(self) -> None:
        if not self._size:
            settled, self._settled = self._settled, []
            for each in settled:
                each.callback(None)

    def _give_up(self, queue: _Queue, outage: Failure) -> list[Callable[[], None]]:
        """Those who wait behind what has failed are told so, or go on waiting, as `keep` says."""
        answers: list[Callable[[], None]] = []
        for name, entry in [(name, entry) for name, entry in queue.waiting.items() if entry[3] is not None]:
            lane, _, _, who = entry
            kept = self._keep(entry)
            if kept is not None:
                queue.waiting[name] = kept
            else:
                del queue.waiting[name]
                self._size -= 1
                self._leave(lane)
            if who is not None and (kept is None or kept[3] is None):
                answers.append(partial(who.callback, outage))
        return answers

    def _tell_trouble(self, failure: Failure | None) -> None:
        """When it begins and when it is over."""
        if failure is not None and not self._trouble:
            self._trouble = True
            self._log.warn(
                "shared state cannot be reached, which is tried again until it can: {error}", error=str(failure.value)
            )
        elif failure is None and self._trouble:
            self._trouble = False
            self._log.info("shared state is reached again; {size} changes wait to be told", size=self._size)


class _Batch:
    """Answers, until all are there."""

    __slots__ = ("_done", "_left", "failures", "outage", "queue", "results")

    def __init__(self, queue: _Queue, left: int, done: Callable[[_Batch], None]) -> None:
        self.queue = queue
        self._left = left
        self._done = done
        self.results: dict[str, Any] = {}
        self.failures: dict[str, Failure] = {}
        self.outage: Failure | None = None
        """Some failure of the backend."""

    def succeeded(self, result: Any, name: str) -> None:
        if self.queue.flight[name][3] is not None:
            self.results[name] = result
        self.one_less()

    def failed(self, failure: Failure, name: str) -> None:
        self.failures[name] = failure
        if failure.check(BackendError):
            self.outage = failure
        self.one_less()

    def one_less(self) -> None:
        self._left -= 1
        if not self._left:
            self._done(self)
