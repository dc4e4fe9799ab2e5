"""A worker's event loop: epoll, and timers that are right to some 50 µs."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from itertools import count

__all__ = ["Loop"]

# Sockets served before the timers are looked at again: about a millisecond of work.
_AT_ONCE = 256
# epoll sleeps whole milliseconds: closer timers than this are waited for with select, which knows microseconds.
_FINE = 20_000_000
# A server that writes to one client after the other would wake us for each of them, which costs both sides several
# microseconds a delivery. After a row of such wake-ups we sleep for a moment and then find many sockets ready at once.
# A few deliveries are never delayed, many by at most this.
_FEW = 4
_ROW = 24
_NAP = 60e-6
_NAP_NS = 150_000


class Loop:
    """Calls what is ready and what is due. Single-threaded."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._itself = [self._epoll.fileno()]  # opened first: select takes descriptors below 1024 only
        self._calls: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self.running = True

    def watch(self, fd: int, call: Callable[[int], None], *, writing: bool = False) -> None:
        """`call(mask)` whenever the descriptor can be read, or written if that is asked for."""
        mask = select.EPOLLIN | (select.EPOLLOUT if writing else 0)
        if fd in self._calls:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.register(fd, mask)
        self._calls[fd] = call

    def deafen(self, fd: int) -> None:
        """The descriptor stays watched, but nothing is read from it."""
        self._epoll.modify(fd, 0)

    def forget(self, fd: int) -> None:
        """Must be called before the descriptor is closed."""
        if self._calls.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, when: int, call: Callable[[], None]) -> None:
        """Calls at a time of CLOCK_MONOTONIC in nanoseconds; in their order when due together."""
        heapq.heappush(self._timers, (when, next(self._order), call))

    def run(self) -> None:
        """Until `running` is false."""
        timers, calls, poll = self._timers, self._calls, self._epoll.poll
        row = 0
        while self.running:
            now = time.monotonic_ns()
            while timers and timers[0][0] <= now:
                heapq.heappop(timers)[2]()
                now = time.monotonic_ns()
            wait = timers[0][0] - now if timers else _FINE * 5
            if row > _ROW and wait > _NAP_NS:
                time.sleep(_NAP)
                ready = poll(0, _AT_ONCE)
                if not ready:
                    row = 0
                    continue
            else:
                if 0 < wait < _FINE:
                    select.select(self._itself, (), (), wait / 1e9)
                    wait = 0
                ready = poll(max(wait - _FINE // 4, 0) / 1e9, _AT_ONCE)
                row = row + 1 if 0 < len(ready) <= _FEW else 0
            for fd, mask in ready:
                if (call := calls.get(fd)) is not None:
                    call(mask)
