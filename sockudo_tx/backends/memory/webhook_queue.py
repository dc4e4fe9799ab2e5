"""A webhook queue in this process: in order of acceptance, a busy hook in nobody's way, lost with the process."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ...config.schema import Config
from ...interfaces import DeadWebhook, IWebhookQueue, WebhookJob

__all__ = ["CAPACITY", "DEAD_CAPACITY", "SIZE_LIMIT", "MemoryWebhookQueue", "from_config", "revived"]

CAPACITY = 100_000
"""Jobs held, claimed ones included (scaling.md 11); beyond it the oldest that nobody has claimed is dropped."""
DEAD_CAPACITY = 10_000
SIZE_LIMIT = 256 * 1024 * 1024
"""Characters of events held at most, of the living and of the dead each; a single job is always kept."""
_WARN_EVERY = 60.0
"""Seconds between two lines about dropped jobs."""


class _Entry:
    """A job that is held, and since when it is due; `order` is its place in the order of acceptance."""

    __slots__ = ("claimed", "due", "job", "order")

    def __init__(self, job: WebhookJob, order: int, due: float) -> None:
        self.job = job
        self.order = order
        self.due = due
        self.claimed = False


class _Lane(NamedTuple):
    """Due jobs of one hook, attempted before or not."""

    hook: str
    tried: bool


@implementer(IWebhookQueue)
class MemoryWebhookQueue:
    """Answers at once and never fails.

    Each hook has two lanes, of jobs never attempted and of others, and each lane its own heap of places in the order.
    `_heads` knows the first of each: whoever asks passes a lane that is not wanted in one step, however much waits in
    it, and meets it again only when it is wanted. `_heads` may name a job that is no longer the first of its lane; that
    is seen when it is met.
    """

    durable = False
    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        capacity: int = CAPACITY,
        dead_capacity: int = DEAD_CAPACITY,
        size_limit: int = SIZE_LIMIT,
    ) -> None:
        self.dropped = 0
        """Jobs that made room for others since the start."""
        self._clock = clock
        self._capacity = capacity
        self._dead_capacity = dead_capacity
        self._size_limit = size_limit
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # by id, in order of acceptance
        self._claimed = 0
        self._size = 0
        self._next = 0
        self._ready: dict[_Lane, list[tuple[int, str]]] = {}  # heap of order and id, of those that are due
        self._heads: list[tuple[int, _Lane]] = []  # heap of order and lane
        self._passed: tuple[set[str], set[str]] = (set(), set())  # hooks not wanted when last met; never tried, tried
        self._delayed: list[tuple[float, int, str]] = []  # heap of due, order, id
        self._alarm: IDelayedCall | None = None
        self._wake: Callable[[], None] = lambda: None
        self._lost: Callable[[WebhookJob], None] = lambda job: None
        self._dead: OrderedDict[str, DeadWebhook] = OrderedDict()
        self._dead_size = 0
        self._warned = -math.inf

    def put(self, jobs: Sequence[WebhookJob]) -> None:
        for job in jobs:
            self.restore(job)
        self._wake()

    def restore(self, job: WebhookJob, due: float = 0.0, order: int | None = None) -> None:
        """Accept one job without waking anybody; one that is here already is left alone.

        `order` gives it a place before those accepted later; those of a durable store came before all of ours.
        """
        if job.id in self._entries:
            return
        if order is None:
            order = self._next
            self._next += 1
        self._entries[job.id] = entry = _Entry(job, order, due)
        self._size += _size(job)
        self._admit(entry)
        while len(self._entries) > self._capacity or (self._size > self._size_limit and len(self._entries) > 1):
            if not self._drop_oldest():
                break

    def take(self, most: int, busy: Collection[str], tired: Collection[str] = ()) -> list[WebhookJob]:
        self._ripen()
        self._meet_again(busy, tired)
        taken: list[WebhookJob] = []
        while self._heads and len(taken) < most:
            order, lane = heappop(self._heads)
            ready = self._ready.get(lane)
            if not ready or ready[0][0] != order:
                continue
            if lane.hook in (tired if lane.tried else busy):
                self._passed[lane.tried].add(lane.hook)
                continue
            entry = self._entries[heappop(ready)[1]]
            self._next_head(lane, ready)
            entry.claimed = True
            self._claimed += 1
            taken.append(entry.job)
        return taken

    def _meet_again(self, *unwanted: Collection[str]) -> None:
        """What was passed because it was not wanted, and is wanted now, is in `_heads` again."""
        for tried, passed in enumerate(self._passed):
            for hook in passed.difference(unwanted[tried]):
                passed.discard(hook)
                lane = _Lane(hook, bool(tried))
                if lane in self._ready:
                    heappush(self._heads, (self._ready[lane][0][0], lane))

    def done(self, job: WebhookJob) -> None:
        entry = self._entries.get(job.id)
        if entry is not None and entry.claimed:
            self._forget(entry)

    def retry(self, job: WebhookJob, delay: float) -> None:
        entry = self._entries.get(job.id)
        if entry is None or not entry.claimed:
            return
        entry.claimed = False
        self._claimed -= 1
        self._size += _size(job) - _size(entry.job)
        entry.job = job
        entry.due = self._clock.seconds() + delay
        self._admit(entry)
        if delay <= 0:
            self._wake()

    def hasten(self) -> None:
        self._ripen()
        now = self._clock.seconds()
        self._delayed.clear()
        self._set_alarm()
        for entry in self._entries.values():
            if entry.due > now and not entry.claimed:
                entry.due = now
                self._admit(entry)
        self._wake()

    def bury(self, job: WebhookJob, reason: str) -> None:
        self.done(job)
        self._dead.pop(job.id, None)
        self._dead[job.id] = DeadWebhook(job, reason, int(self._clock.seconds() * 1000))
        self._dead_size += _size(job)
        while len(self._dead) > self._dead_capacity or (self._dead_size > self._size_limit and len(self._dead) > 1):
            self.drop(next(iter(self._dead)))

    def listen(self, wake: Callable[[], None], lost: Callable[[WebhookJob], None]) -> None:
        self._wake = wake
        self._lost = lost

    def depth(self) -> int:
        return len(self._entries) - self._claimed

    def dead(self, most: int) -> list[DeadWebhook]:
        newest_first = reversed(self._dead.values())
        return [letter for letter, _ in zip(newest_first, range(most), strict=False)]

    def revive(self, job_id: str) -> bool:
        letter = self._dead.get(job_id)
        if letter is None:
            return False
        self.drop(job_id)
        self.put([revived(letter.job)])
        return True

    def drop(self, job_id: str) -> bool:
        letter = self._dead.pop(job_id, None)
        if letter is None:
            return False
        self._dead_size -= _size(letter.job)
        return True

    def claims(self, job_id: str) -> bool:
        """Whether somebody has this job."""
        entry = self._entries.get(job_id)
        return entry is not None and entry.claimed

    def all(self) -> list[tuple[WebhookJob, float]]:
        """Every job, claimed ones too, and since when it is due, in order of acceptance."""
        return [(entry.job, entry.due) for entry in self._entries.values()]

    def health(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is taken from now on; what waits goes with the process."""
        self._wake = lambda: None
        self._ready.clear()
        self._heads.clear()
        for passed in self._passed:
            passed.clear()
        self._delayed.clear()
        self._set_alarm()

    def _admit(self, entry: _Entry) -> None:
        """The entry is due at once, or later."""
        if entry.due > self._clock.seconds():
            heappush(self._delayed, (entry.due, entry.order, entry.job.id))
            self._set_alarm()
            return
        lane = _lane(entry.job)
        ready = self._ready.setdefault(lane, [])
        heappush(ready, (entry.order, entry.job.id))
        if ready[0][0] == entry.order:
            self._next_head(lane, ready)

    def _next_head(self, lane: _Lane, ready: list[tuple[int, str]]) -> None:
        """The first of this lane is another one."""
        if not ready:
            del self._ready[lane]
            return
        heappush(self._heads, (ready[0][0], lane))
        if len(self._heads) > 2 * len(self._ready) + 64:  # most of them are outdated
            self._heads = [(heap[0][0], each) for each, heap in self._ready.items()]
            heapify(self._heads)

    def _ripen(self) -> bool:
        """What was delayed until now is due; whether there was anything."""
        ripe = False
        now = self._clock.seconds()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, job_id = heappop(self._delayed)
            entry = self._entries.get(job_id)
            if entry is not None and entry.due == due and not entry.claimed:
                self._admit(entry)
                ripe = True
        self._set_alarm()
        return ripe

    def _set_alarm(self) -> None:
        """One delayed call, for what is due next."""
        due = self._delayed[0][0] if self._delayed else None
        alarm = self._alarm
        if alarm is not None and alarm.active():
            if due is not None and alarm.getTime() <= due:
                return  # it rings no later; then we look again
            alarm.cancel()
            self._alarm = None
        if due is not None:
            self._alarm = self._clock.callLater(max(0.0, due - self._clock.seconds()), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._ripen():
            self._wake()

    def _forget(self, entry: _Entry) -> None:
        del self._entries[entry.job.id]
        self._claimed -= entry.claimed
        self._size -= _size(entry.job)

    def _drop_oldest(self) -> bool:
        """Whether there was one that nobody has claimed; few are claimed, so it is near the front."""
        entry = next((entry for entry in self._entries.values() if not entry.claimed), None)
        if entry is None:
            return False
        self._forget(entry)
        lane = _lane(entry.job)
        ready = self._ready.get(lane)
        place = (entry.order, entry.job.id)
        if ready and ready[0] == place:
            heappop(ready)
            self._next_head(lane, ready)
        elif ready and place in ready:  # behind a restored one: rare enough to look for it
            ready.remove(place)
            heapify(ready)
        self.dropped += 1
        self._lost(entry.job)
        now = self._clock.seconds()
        if now - self._warned >= _WARN_EVERY:
            self._warned = now
            self._log.warn(
                "the webhook queue is full ({capacity} jobs): the oldest are dropped, {dropped} since the start. The "
                "receivers are slower than what they are to be told",
                capacity=self._capacity,
                dropped=self.dropped,
            )
        return True


def revived(job: WebhookJob) -> WebhookJob:
    """The job of a dead letter as if it were new, under its old id."""
    return job._replace(attempt=0, first_ms=None)


def _lane(job: WebhookJob) -> _Lane:
    return _Lane(job.hook, job.attempt > 0)


def _size(job: WebhookJob) -> int:
    return sum(map(len, job.events))


def from_config(config: Config, clock: IReactorTime) -> MemoryWebhookQueue:
    """The driver `memory` of `queue`."""
    return MemoryWebhookQueue(clock)
