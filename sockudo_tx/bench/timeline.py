"""Latencies over time: a histogram for each stretch of a run, in bounded memory however long it lasts."""

from __future__ import annotations

from .histogram import Histogram

__all__ = ["Timeline"]

_SHORTEST = 500_000_000
# Then each two of them become one: a run of any length has 120 to 240 of them.
_MOST = 240


class Timeline:
    """Stretches of equal length from a start on; all times are nanoseconds of one clock."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._length = _SHORTEST
        self._stretches: dict[int, Histogram] = {}

    def at(self, moment: int) -> Histogram:
        """Where latencies of this moment are counted, until the next call. What is earlier counts as the start."""
        number = max(moment - self._start, 0) // self._length
        while number >= _MOST:
            self._coarsen()
            number //= 2
        return self._stretches.setdefault(number, Histogram())

    def add(self, other: Timeline) -> None:
        """Everything another one with the same start counted."""
        self.coarsen(other._length)
        for number, histogram in other._stretches.items():
            self.at(self._start + number * other._length).merge(histogram)

    def coarsen(self, length: int) -> None:
        """Makes each stretch at least that long."""
        while self._length < length:
            self._coarsen()

    def percentile(self, share: float) -> list[tuple[int, float]]:
        """For each stretch in which something was counted its middle and the seconds this share did not exceed."""
        return [
            (self._start + number * self._length + self._length // 2, seconds)
            for number, histogram in sorted(self._stretches.items())
            if (seconds := histogram.percentile(share)) is not None
        ]

    def _coarsen(self) -> None:
        self._length *= 2
        stretches, self._stretches = self._stretches, {}
        for number, histogram in stretches.items():
            self._stretches.setdefault(number // 2, Histogram()).merge(histogram)
