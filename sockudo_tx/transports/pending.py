"""Connections that have not sent a whole request head: how long they may take, and how many there may be.

A flood of them must not lock out others. So when there are too many the oldest goes, not the newest: an honest client
sends its head within a round trip or two, and is out of the queue long before its turn would come.

All have the same time, so they stand in the order of their deadlines, and one timer is enough.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..engine.repeats import Repeats

__all__ = ["Pending", "Waiter"]

SLICE = 500
"""Connections ended in one reactor turn, so that a crowd with one deadline does not hold it up."""


class Waiter(Protocol):
    """A connection in the queue. When it is called it has left the queue already."""

    def head_is_late(self) -> None:
        """The time is over."""

    def give_way(self) -> None:
        """There are too many: it has to end now and without ceremony."""


class _Queue:
    """Waiters with the same patience, the one with the earliest deadline first."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.patience = 0.0
        self.waiters: OrderedDict[int, tuple[float, Waiter]] = OrderedDict()
        self._timer: IDelayedCall | None = None

    def add(self, ticket: int, waiter: Waiter) -> None:
        self.waiters[ticket] = (self._clock.seconds() + self.patience, waiter)
        if self._timer is None:
            self._timer = self._clock.callLater(self.patience, self._look)

    def remove(self, ticket: int) -> bool:
        """Whether it was there."""
        found = self.waiters.pop(ticket, None) is not None
        if found and not self.waiters and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return found

    def pop(self) -> Waiter:
        """The first one."""
        return self.waiters.popitem(last=False)[1][1]

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for _ in range(SLICE):
            deadline = next(iter(self.waiters.values()), (None,))[0]
            if deadline is None:
                return
            if deadline > now:
                self._timer = self._clock.callLater(deadline - now, self._look)
                return
            self.pop().head_is_late()
        self._timer = self._clock.callLater(0, self._look)


class Pending:
    """Who is waited for. `silent` ones have sent nothing and have as long as an idle connection."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, *, limit: int, silence: float, patience: float) -> None:
        self._silent = _Queue(clock)
        self._begun = _Queue(clock)
        self.adjust(limit=limit, silence=silence, patience=patience)
        self._last = 0
        self._repeats = Repeats(clock)
        self.dropped = 0
        """Connections that had to give way."""
        self.late = 0
        """Requests whose head was too slow; who never said anything is not counted."""

    def adjust(self, *, limit: int, silence: float, patience: float) -> None:
        """From now on at most so many (0: any number), with so many seconds for the first byte and for the others."""
        self._limit, self._silent.patience, self._begun.patience = limit, silence, patience

    def __len__(self) -> int:
        return len(self._silent.waiters) + len(self._begun.waiters)

    def arrive(self, waiter: Waiter) -> int:
        """Wait for the first byte of a new connection; the ticket with which to leave."""
        self._last += 1
        self._silent.add(self._last, waiter)
        if 0 < self._limit < len(self):
            self._drop_oldest()
        return self._last

    def begin(self, waiter: Waiter, ticket: int = 0) -> int:
        """The first byte of a head has come, and not the last: its time begins. The ticket, a new one when there was
        none."""
        if ticket:
            self._silent.remove(ticket)
        else:
            self._last = ticket = self._last + 1
        self._begun.add(ticket, waiter)
        if 0 < self._limit < len(self):
            self._drop_oldest()
        return ticket

    def pass_on(self, ticket: int, waiter: Waiter) -> int:
        """Another object speaks for this connection. Its place and its time stay if its head has begun; without one
        it has no ticket: 0."""
        begun = self._begun.waiters.get(ticket)
        if begun is None:
            self._silent.remove(ticket)
            return 0
        self._begun.waiters[ticket] = (begun[0], waiter)
        return ticket

    def leave(self, ticket: int) -> None:
        """A whole head has come, or the connection has gone."""
        if not self._silent.remove(ticket):
            self._begun.remove(ticket)

    def _drop_oldest(self) -> None:
        queues = [queue for queue in (self._silent, self._begun) if queue.waiters]
        oldest = min(queues, key=lambda queue: next(iter(queue.waiters)))
        self.dropped += 1
        if self._repeats.due("pending"):
            self._log.warn(
                "more than {limit} connections have not sent a request yet (`listener.max_pending`): the oldest are "
                "dropped, {dropped} so far",
                limit=self._limit,
                dropped=self.dropped,
            )
        oldest.pop().give_way()
