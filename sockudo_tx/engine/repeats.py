"""Trouble is logged when it begins and once a minute while it lasts, however often it is met."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

__all__ = ["Repeats"]

PAUSE = 60.0
"""Seconds before the same complaint is due again: probes come every second, and anybody may send them."""
MOST = 100
"""Complaints remembered; when there are more, all are forgotten and due again."""


class Repeats:
    """What was complained of lately."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}

    def due(self, complaint: str) -> bool:
        """Whether to log this one now."""
        now = self._clock.seconds()
        told = self._told.get(complaint)
        if told is not None and 0 <= now - told < PAUSE:
            return False
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[complaint] = now
        return True

    def __len__(self) -> int:
        return len(self._told)
