"""Work done between others' turns: a few milliseconds at a time, and once for all who ask meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure

__all__ = ["Pages"]

_SLICE = 0.002
"""Seconds of one turn of the reactor."""


class Pages:
    """Makes pages. Those who ask while one is made get that one."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: list[Deferred[bytes]] = []
        self._cooperator = Cooperator(self._slice, lambda step: clock.callLater(0, step))

    def page(self) -> Deferred[bytes]:
        """What there is to tell now."""
        page: Deferred[bytes] = Deferred()
        self._waiting.append(page)
        if len(self._waiting) == 1:
            self._made().addBoth(self._give)  # type: ignore[unused-awaitable]  # failures are told too
        return page

    def _made(self) -> Deferred[bytes]:
        """Make one."""
        raise NotImplementedError

    def _in_slices(self, work: Iterator[None]) -> Deferred[None]:
        """Do the work up to its end, a slice a turn."""
        return self._cooperator.coiterate(work).addCallback(lambda _: None)

    def _give(self, page: bytes | Failure) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(page)

    def _slice(self) -> Callable[[], bool]:
        """Whether what is done in this turn has taken its time."""
        end = self._clock.seconds() + _SLICE
        return lambda: self._clock.seconds() >= end
