"""A sliding window: so many requests in any stretch of so many seconds (scaling.md 12).

Requests are counted in slots of a twentieth of the window, which begin with their first request. A slot is forgotten
when its last request is older than the window, so there are never more than `most` in any window, nobody waits for
longer than one, and the memory of a key does not grow with `most`. Only what is allowed counts: who keeps knocking is
let in as soon as others.
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
    """The requests of one key; 0.2 KiB after the first, 2 at most."""

    __slots__ = ("_count", "_last", "_older", "_recent", "_until", "expires")

    def __init__(self) -> None:
        self._older: list[tuple[int, float]] = []
        """Count and last moment of each slot before the newest; at most `SLOTS`."""
        self._recent = 0
        """Requests in the newest slot."""
        self._last = float("-inf")
        """The last of them."""
        self._until = 0.0
        """When the newest slot ends, a twentieth of the window after its first request."""
        self._count = 0
        """Requests in all slots."""
        self.expires = 0.0
        """When nothing here counts any more, as of the last `take`."""

    def admit(self, most: int, window: float, now: float, weight: int = 1) -> bool:
        """Count a request that weighs as much as so many at this moment, if `most` in `window` seconds allow it."""
        if self._last + window <= now:
            self._older.clear()
            self._count = self._recent = 0
            self._until = now
        else:
            older = self._older
            while older and older[0][1] + window <= now:
                self._count -= older.pop(0)[0]
        count = self._count + weight
        if count > most:
            return False
        if now >= self._until:  # a clock that was set back adds to the newest one
            if self._recent:
                self._older.append((self._recent, self._last))
                self._recent = 0
            self._until = now + window / SLOTS
        self._recent += weight
        if now > self._last:
            self._last = now
        self._count = count
        return True

    def take(self, quota: Quota, now: float, weight: int = 1) -> Verdict:
        """The same, and what is left."""
        allowed = self.admit(quota.most, quota.window, now, weight)
        self.expires = self._last + quota.window
        reset = self._reset(quota, now, 1 if allowed else weight)
        return Verdict(allowed, quota.most, max(0, quota.most - self._count), reset)

    def _reset(self, quota: Quota, now: float, weight: int) -> float:
        """Seconds until such a request is allowed that is not now, or until there is room for more."""
        left = self._count
        for count, last in (*self._older, (self._recent, self._last)):
            left -= count
            if left + weight <= quota.most:
                return max(0.0, last + quota.window - now)
        return 0.0
