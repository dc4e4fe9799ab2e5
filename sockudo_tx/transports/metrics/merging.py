"""One out of several: samples with the same name and labels are merged by the rule of their family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ...engine.tally import ALL_CHANNELS, UNKNOWN, Histogram
from .exposition import Value
from .families import Family, Rule
from .sources import Sample

__all__ = ["Ended", "Merged"]

LEFT_AT_MOST = 300_000
"""Counts of processes that have ended that keep their app; those of further apps are counted as `unknown`."""

_ONE = {"app_id": UNKNOWN, "channel_name": ALL_CHANNELS}

_Numbers = Callable[[float, float], float]
_RULES: dict[Rule, _Numbers] = {
    "total": lambda one, other: one + other,
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}


class Merged:
    """Samples of several processes."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, tuple[str, ...]], tuple[Family, Value]] = {}

    def add(self, family: Family, labels: tuple[str, ...], value: Value) -> None:
        """One more sample; it is only read."""
        key = (family.name, labels)
        found = self._found.get(key)
        if isinstance(value, Histogram):
            self._found[key] = (family, _summed(value, None if found is None else found[1]))
        elif found is None:
            self._found[key] = (family, value)
        else:
            before = found[1]
            assert not isinstance(before, Histogram)  # a family has either
            self._found[key] = (family, _RULES[family.rule](before, value))

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def samples(self) -> Iterator[Sample]:
        """All of them. None may be added meanwhile."""
        for (_, labels), (family, value) in self._found.items():
            yield family, labels, value


class Ended(Merged):
    """What processes have counted that are no more: only what may not fall when they go."""

    def take(self, samples: Iterable[Sample]) -> None:
        """Of a process that has ended."""
        for family, labels, value in samples:
            if family.rule != "total":
                continue
            known = len(self) < LEFT_AT_MOST or (family.name, labels) in self
            self.add(family, labels if known else _coarse(family, labels), value)


def _coarse(family: Family, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of which there are few, and one word for each of the others."""
    names = [name for name in family.labels if name != "port"]
    return tuple([_ONE.get(name, text) for name, text in zip(names, labels, strict=True)])


def _summed(one: Histogram, other: Value | None) -> Histogram:
    """A new one; the counts of both."""
    both = Histogram(one.bounds)
    both.sum, both.counts = one.sum, list(one.counts)
    if isinstance(other, Histogram):
        both.sum += other.sum
        both.counts = [count + more for count, more in zip(both.counts, other.counts, strict=True)]
    return both
