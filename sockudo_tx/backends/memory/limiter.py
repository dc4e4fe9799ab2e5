"""Requests counted in this process."""

from __future__ import annotations

from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ...config.schema import Config
from ...interfaces import ILimiter
from ...protocol.limits import Quota, SlidingWindow, Verdict

__all__ = ["KEYS_AT_MOST", "MemoryLimiter", "from_config"]

KEYS_AT_MOST = 50_000
"""Keys remembered, 0.3 KiB each after a burst and 2 at most; the one that asked longest ago goes first."""


@implementer(ILimiter)
class MemoryLimiter:
    """A sliding window for each key. Those that have expired are met and dropped as others come."""

    def __init__(self, clock: IReactorTime, keys_at_most: int = KEYS_AT_MOST) -> None:
        self._clock = clock
        self._most = keys_at_most
        self._windows: OrderedDict[str, SlidingWindow] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, key: str, quota: Quota, weight: int = 1) -> Verdict:
        now = self._clock.seconds()
        window = self._windows.get(key)
        if window is None:
            self._make_room(now)
            window = self._windows[key] = SlidingWindow()
        else:
            self._windows.move_to_end(key)
        return window.take(quota, now, weight)

    def _make_room(self, now: float) -> None:
        """Two expired ones for each new one: the table shrinks when a crowd has gone."""
        for _ in range(2):
            oldest = next(iter(self._windows.values()), None)
            if oldest is None or (oldest.expires > now and len(self._windows) < self._most):
                return
            self._windows.popitem(last=False)


def from_config(config: Config, clock: IReactorTime) -> MemoryLimiter:
    """The driver `memory`, and `none`: what switches limits off is `rate_limiter.enabled`."""
    return MemoryLimiter(clock)
