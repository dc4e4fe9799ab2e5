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
    """The requests of one key; 0.3 KiB after the first, 3 at most."""

    __slots__ = ("_count", "_slots", "expires")

    def __init__(self) -> None:
        self._slots: list[tuple[int, int, float]] = []
        """Number, count and last moment of each slot that has requests; at most one more than `SLOTS`."""
        self._count = 0
        self.expires = 0.0
        """When nothing here counts any more."""

    def admit(self, most: int, window: float, now: float, weight: int = 1) -> bool:
        """Count a request that weighs as much as so many at this moment, if `most` in `window` seconds allow it."""
        slots = self._slots
        while slots and slots[0][2] + window <= now:
            self._count -= slots.pop(0)[1]
        if self._count + weight > most:
            return False
        number = int(now * SLOTS / window)
        if slots and (slots[-1][0] == number or slots[-1][2] > now):  # a clock that was set back adds to the last one
            number, count, last = slots[-1]
            slots[-1] = (number, count + weight, max(last, now))
        else:
            slots.append((number, weight, now))
        self._count += weight
        self.expires = now + window
        return True

    def take(self, quota: Quota, now: float, weight: int = 1) -> Verdict:
        """The same, and what is left."""
        allowed = self.admit(quota.most, quota.window, now, weight)
        reset = self._reset(quota, now, 1 if allowed else weight)
        return Verdict(allowed, quota.most, max(0, quota.most - self._count), reset)

    def _reset(self, quota: Quota, now: float, weight: int) -> float:
        """Seconds until such a request is allowed that is not now, or until there is room for more."""
        left = self._count
        for _, count, last in self._slots:
            left -= count
            if left + weight <= quota.most:
                return max(0.0, last + quota.window - now)
        return 0.0
