"""Latencies in buckets one per cent apart: a million of them in a few kilobytes."""

from __future__ import annotations

import math

__all__ = ["Histogram"]

_STEP = math.log(1.01)


class Histogram:
    """Counts durations; percentiles are right to one per cent."""

    def __init__(self) -> None:
        self.count = 0
        self.highest = 0.0
        self._buckets: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """One duration."""
        self.count += 1
        self.highest = max(self.highest, seconds)
        bucket = int(math.log(max(seconds, 1e-6)) / _STEP)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def percentile(self, share: float) -> float | None:
        """The duration that this share (0 to 1) did not exceed; None when nothing was counted."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(math.exp(bucket * _STEP), self.highest)
        return None

    def summary(self) -> dict[str, float | None]:
        """The usual percentiles in milliseconds."""
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        found = {name: self.percentile(share) for name, share in shares.items()}
        return {name: None if value is None else round(value * 1000, 3) for name, value in found.items()}
