"""One wheel for the deadlines of all connections: buckets of time on a single delayed call."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import islice

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .tables import Socket

__all__ = ["Deadlines"]

RESOLUTION = 0.25
"""Seconds per bucket: a deadline is met at most this much late, never early."""
SLICE = 2000
"""Sockets looked at per reactor turn, so that a crowd with one deadline does not hold the reactor."""


class Deadlines:
    """Calls `due(socket, now)` once per deadline; it returns the next one, or None to leave the wheel.

    A socket has at most one deadline. Nothing is cancelled when it moves into the future: `due` looks and
    asks for a later one, so activity costs nothing here.
    """

    def __init__(self, clock: IReactorTime, due: Callable[[Socket, float], float | None]) -> None:
        self._clock = clock
        self._due = due
        # An emptied bucket stays until its time comes, so that each is in the heap exactly once.
        self._buckets: dict[int, dict[Socket, None]] = {}
        self._order: list[int] = []
        self._count = 0
        self._timer: IDelayedCall | None = None
        self._timer_bucket = 0

    def __len__(self) -> int:
        return self._count

    def set(self, socket: Socket, at: float) -> None:
        """Give the socket this deadline in place of any other."""
        bucket = math.ceil(at / RESOLUTION)
        if socket.bucket == bucket:
            return
        if socket.bucket is not None:
            del self._buckets[socket.bucket][socket]
            self._count -= 1
        socket.bucket = bucket
        sockets = self._buckets.get(bucket)
        if sockets is None:
            sockets = self._buckets[bucket] = {}
            heapq.heappush(self._order, bucket)
        sockets[socket] = None
        self._count += 1
        if self._timer is None or bucket < self._timer_bucket:
            self._arm()

    def clear(self, socket: Socket) -> None:
        """Take the socket off the wheel; an empty wheel has no delayed call."""
        if socket.bucket is None:
            return
        del self._buckets[socket.bucket][socket]
        socket.bucket = None
        self._count -= 1
        if not self._count:
            self._buckets.clear()
            self._order.clear()
            self._disarm()

    def _arm(self) -> None:
        """One delayed call, for the first bucket that still holds somebody."""
        self._disarm()
        first = self._first()
        if first is not None:
            self._timer_bucket = first
            delay = max(0.0, self._timer_bucket * RESOLUTION - self._clock.seconds())
            self._timer = self._clock.callLater(delay, self._turn)

    def _disarm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _first(self) -> int | None:
        """The first bucket that holds somebody; emptied ones before it are dropped."""
        while self._order and not self._buckets[self._order[0]]:
            del self._buckets[heapq.heappop(self._order)]
        return self._order[0] if self._order else None

    def _turn(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        last = math.floor(now / RESOLUTION)
        left = SLICE
        while left:
            first = self._first()
            if first is None or first > last:
                break
            bucket = self._buckets[first]
            batch = list(islice(bucket, left))  # not one by one: the front of a dict that shrinks is far away
            left -= len(batch)
            for socket in batch:
                if socket in bucket:  # still: a neighbour's end may have ended it
                    self._meet(socket, now)
        self._arm()

    def _meet(self, socket: Socket, now: float) -> None:
        again = self._due(socket, now)
        if again is None:
            self.clear(socket)
        else:
            self.set(socket, max(again, now + RESOLUTION))
