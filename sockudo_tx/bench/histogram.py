"""An HDR histogram of durations: a billion of them in a few hundred kilobytes, right to three digits.

Our own because adding happens for every delivery: the hdrhistogram package needs 1.9 µs for it and has a compiled part
without wheels for every platform; shifting by the bit length needs 0.26 µs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

__all__ = ["Histogram"]

# Below 2 ** _DIGITS ns each nanosecond is a bucket; above, each power of two is cut into 1,024 of them.
_DIGITS = 11
_HALF = _DIGITS - 1
_HOUR = 3_600_000_000_000
_NONE = 1 << 62
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


def _bucket(ns: int) -> int:
    shift = ns.bit_length() - _DIGITS
    return ns if shift <= 0 else (shift << _HALF) + (ns >> shift)


def _middle(bucket: int) -> float:
    """The nanoseconds in the middle of a bucket: at most 0.05 % from anything in it."""
    shift = (bucket >> _HALF) - 1
    if shift <= 0:
        return float(bucket)
    first = (bucket - (shift << _HALF)) << shift
    return first + ((1 << shift) - 1) / 2


_LAST = _bucket(_HOUR)


class Histogram:
    """Counts durations of up to one hour; percentiles are right to 0.1 %, the lowest and the highest exactly.
    A longer duration counts as one hour, a negative one as nothing."""

    __slots__ = ("_counts", "_highest", "_lowest", "count")

    def __init__(self) -> None:
        self.count = 0
        self._counts: dict[int, int] = {}
        self._lowest = _NONE
        self._highest = -1

    def add_ns(self, ns: int, count: int = 1) -> None:
        """One duration, or several equal ones. The hot path of a load generator."""
        # Out of range is always also a new extreme, and the extremes never leave the range: one test does for both.
        if ns > self._highest:
            if ns > _HOUR:
                ns = _HOUR
            self._highest = ns
        if ns < self._lowest:
            if ns < 0:
                ns = 0
                self._highest = max(self._highest, 0)
            self._lowest = ns
        shift = ns.bit_length() - _DIGITS
        if shift > 0:
            ns = (shift << _HALF) + (ns >> shift)
        counts = self._counts
        counts[ns] = counts.get(ns, 0) + count
        self.count += count

    def add(self, seconds: float) -> None:
        """One duration in seconds."""
        self.add_ns(round(min(seconds, 3600.0) * 1e9))

    def merge(self, other: Histogram) -> None:
        """Everything the other one counted: the same as having added it here."""
        counts = self._counts
        for bucket, count in other._counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        self.count += other.count
        self._lowest = min(self._lowest, other._lowest)
        self._highest = max(self._highest, other._highest)

    @property
    def lowest(self) -> float | None:
        """Seconds; None when nothing was counted."""
        return self._lowest / 1e9 if self._counts else None

    @property
    def highest(self) -> float | None:
        """Seconds; None when nothing was counted."""
        return self._highest / 1e9 if self._counts else None

    @property
    def mean(self) -> float | None:
        """Seconds, right to 0.05 %; None when nothing was counted."""
        if not self._counts:
            return None
        return sum(_middle(bucket) * count for bucket, count in self._counts.items()) / self.count / 1e9

    def percentile(self, share: float) -> float | None:
        """The seconds that this share (0 to 1) of the durations did not exceed; None when nothing was counted."""
        count = self.count
        # 0.07 * 100 is a little more than 7: without the tolerance that would be rank 8.
        rank = max(1, math.ceil(share * count - 1e-6))
        if rank >= count:
            return self.highest
        return next((seconds for seen, seconds in self._cumulated() if seen >= rank), None)

    def points(self, steps: int = 32) -> list[tuple[float, float]]:
        """The cumulative distribution as (share, seconds) for a plot in percentile scale: `steps` points for each
        further nine, fewer where fewer durations are. The last one is the highest, in the middle of its rank, so that
        no share is 1."""
        count = self.count
        points: list[tuple[float, float]] = []
        reached = -1
        for seen, seconds in self._cumulated():
            if seen == count:
                break
            step = int(-math.log10(1 - seen / count) * steps)
            if step > reached:
                points.append((seen / count, seconds))
                reached = step
        return [*points, ((count - 0.5) / count, self._highest / 1e9)] if count else []

    def spread(self, columns: int, low: float, high: float) -> list[int]:
        """How many durations fall into each of so many columns of equal width on a logarithmic scale of seconds."""
        found = [0] * columns
        scale = columns / math.log(high / low)
        for bucket, count in self._counts.items():
            column = int(math.log(max(_middle(bucket) / 1e9, low) / low) * scale)
            found[min(column, columns - 1)] += count
        return found

    def summary(self) -> dict[str, float | None]:
        """Mean and the usual percentiles in milliseconds."""
        found = {"mean": self.mean} | {name: self.percentile(share) for name, share in _SHARES.items()}
        return {name: None if value is None else round(value * 1000, 4) for name, value in found.items()}

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the extremes in ns, and the buckets as (distance from the one before, count), one flat list."""
        buckets = sorted(self._counts)
        distances = (after - before for before, after in pairwise([0, *buckets]))
        flat = [number for pair in zip(distances, map(self._counts.get, buckets), strict=True) for number in pair]
        return {"lowest_ns": max(self._lowest, 0), "highest_ns": self._highest, "buckets": flat} if flat else {}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Histogram:
        """What `to_dict` gave. Raises ValueError for anything else."""
        made = cls()
        if not found:
            return made
        flat = found.get("buckets") if isinstance(found, dict) else None
        if not isinstance(flat, list) or not flat or len(flat) % 2 or any(type(number) is not int for number in flat):
            raise ValueError("a histogram is {lowest_ns, highest_ns, buckets: [distance, count, ...]}")
        bucket = 0
        for distance, count in zip(flat[::2], flat[1::2], strict=True):
            bucket += distance
            if count < 1 or distance < 0 or bucket > _LAST:
                raise ValueError(f"a histogram has no bucket {bucket} with {count} durations")
            made._counts[bucket] = made._counts.get(bucket, 0) + count
            made.count += count
        made._lowest, made._highest = found.get("lowest_ns", 0), found.get("highest_ns", -1)
        if type(made._lowest) is not int or type(made._highest) is not int:
            raise ValueError("the extremes of a histogram are whole nanoseconds")
        if _bucket(max(made._lowest, 0)) != min(made._counts) or _bucket(max(made._highest, 0)) != max(made._counts):
            raise ValueError("the extremes of a histogram lie in its first and its last bucket")
        return made

    def _cumulated(self) -> Iterator[tuple[int, float]]:
        """For each bucket how many durations lie in or below it, and its seconds, which no extreme contradicts."""
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            yield seen, min(max(_middle(bucket), self._lowest), self._highest) / 1e9
