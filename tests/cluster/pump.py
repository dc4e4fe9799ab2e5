"""The loop in which everything of a test happens: clients, callers, receivers of webhooks, and timers. One thread.

Nothing is read while a test computes; it comes, in its order, the next time the test waits.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from itertools import count
from typing import Any

__all__ = ["PATIENCE", "Pump"]

PATIENCE = 20.0
"""Seconds that a promise without a time of its own is waited for."""
_LONGEST = 0.02


class Pump:
    """Calls what is ready and what is due while a test waits."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def watch(self, fd: int, call: Callable[[int], None], *, reading: bool = True, writing: bool = False) -> None:
        """`call(mask)` whenever the descriptor is ready."""
        mask = (select.EPOLLIN if reading else 0) | (select.EPOLLOUT if writing else 0)
        if fd in self._calls:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.register(fd, mask)
        self._calls[fd] = call

    def forget(self, fd: int) -> None:
        """Before the descriptor is closed."""
        if self._calls.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls once."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), call))

    def every(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Calls again and again at that pace, until what this returns is called."""
        running, due = True, time.monotonic()

        def turn() -> None:
            nonlocal due
            if running:
                call()
                due += seconds
                self.later(max(due - time.monotonic(), 0), turn)

        def stop() -> None:
            nonlocal running
            running = False

        turn()
        return stop

    def once(self, longest: float = _LONGEST) -> None:
        """What is ready, after at most so many seconds, and what is due then."""
        wait = longest
        if self._timers:
            wait = min(wait, max(self._timers[0][0] - time.monotonic(), 0))
        for fd, mask in self._epoll.poll(wait, 512):
            if (call := self._calls.get(fd)) is not None:
                call(mask)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def until(self, what: str, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """The first true answer of a condition, which is asked after each turn."""
        deadline = time.monotonic() + patience
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {patience:g} s")
            self.once()
        return found

    def rest(self, seconds: float) -> None:
        """Goes on for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.once(min(left, _LONGEST))
