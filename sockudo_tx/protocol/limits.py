"""A sliding window: so many requests in any stretch of so many seconds (scaling.md 12).

Requests are counted in slots of a twentieth of the window. A slot is forgotten when its last request is older than
the window, so there are never more than `most` in any window, nobody waits for longer than one, and the memory of a
key does not grow with `most`. Only what is allowed counts: who keeps knocking is let in as soon as others.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SLOTS", "Quota", "SlidingWindow", "Verdict"]

SLOTS = 20


class Quota(NamedTuple):
    """So many requests (`most`, at least 1) in any stretch of `window` seconds."""

    most: int
    window: float


class Verdict(NamedTuple):
    """Answer of `ILimiter.take`."""

    allowed: bool
    most: int
    left: int
    """Requests that would still be allowed now."""
    reset: float
    """Seconds until a refused request would be allowed; for an allowed one, until there is room for more."""


class SlidingWindow:
    """The requests of one key."""

    __slots__ = ("_count", "_slots", "expires")

    def __init__(self) -> None:
        self._slots: list[tuple[int, int, float]] = []
        """Number, count and last moment of each slot that has requests; at most one more than `SLOTS`."""
        self._count = 0
        self.expires = 0.0
        """When nothing here counts any more."""

    def take(self, quota: Quota, now: float) -> Verdict:
        """Count one request at this moment, if it is allowed."""
        window, slots = quota.window, self._slots
        while slots and slots[0][2] + window <= now:
            self._count -= slots.pop(0)[1]
        allowed = self._count < quota.most
        if allowed:
            self._add(int(now * SLOTS / window), now)
            self.expires = now + window
        return Verdict(allowed, quota.most, max(0, quota.most - self._count), self._reset(quota, now))

    def _add(self, number: int, now: float) -> None:
        slots = self._slots
        if slots and (slots[-1][0] == number or slots[-1][2] > now):  # a clock that was set back adds to the last one
            number, count, last = slots.pop()
            slots.append((number, count + 1, max(last, now)))
        else:
            slots.append((number, 1, now))
        self._count += 1

    def _reset(self, quota: Quota, now: float) -> float:
        """Seconds until a request is allowed that is not now, or until there is room for more."""
        left = self._count
        for _, count, last in self._slots:
            left -= count
            if left < quota.most:
                return max(0.0, last + quota.window - now)
        return 0.0
