"""What a figure is and what measuring it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .stats import Ratio

__all__ = ["Figure", "Limit", "NotAvailableError", "Plan", "Reading", "at_least", "at_most", "reading"]


class NotAvailableError(Exception):
    """This figure cannot be taken here; the text says why."""


class Limit(NamedTuple):
    """What a value must reach and what it aims at. No limit: it is told, and compared with the baseline."""

    better: Literal["lower", "higher"] = "lower"
    reach: float | None = None
    aim: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value is good enough."""
        return self.reach is None or self._within(value, self.reach)

    def aimed(self, value: float) -> bool:
        """Whether the value is as good as it is meant to become."""
        return self.aim is not None and self._within(value, self.aim)

    def _within(self, value: float, bound: float) -> bool:
        return value <= bound if self.better == "lower" else value >= bound


_NONE = Limit()


def at_most(reach: float | None = None, aim: float | None = None) -> Limit:
    """Less is better."""
    return Limit("lower", reach, aim)


def at_least(reach: float | None = None, aim: float | None = None) -> Limit:
    """More is better."""
    return Limit("higher", reach, aim)


@dataclass(frozen=True)
class Reading:
    """One measured value. Ratios travel between machines and are compared with the baseline; `unit` is "" for them."""

    name: str
    title: str
    value: float
    limit: Limit = _NONE
    low: float | None = None
    high: float | None = None
    unit: str = ""
    absolute: Mapping[str, float | str] = field(default_factory=dict)
    """What the value was made of, by names with units."""
    compared: bool = True
    """Whether a change against the baseline means something."""
    excusable: bool = True
    """Whether noise may have made it worse, so that of two measurements the better one counts."""


def reading(name: str, title: str, found: Ratio, limit: Limit, unit: str, **names: str) -> Reading:
    """A ratio with both of its sides told in `unit`, each under its name (`ours`, `theirs`)."""
    ours, theirs = names.get("ours", "ours"), names.get("theirs", "reference")
    absolute: dict[str, float | str] = {
        f"{ours}, {unit}": found.ours,
        f"{theirs}, {unit}": found.theirs,
        "windows": found.windows,
    }
    return Reading(name, title, found.value, limit, found.low, found.high, absolute=absolute)


class Plan(NamedTuple):
    """How long to measure, and whom to tell how far it has come."""

    quick: bool
    tell: Callable[[str], None]

    def seconds(self, full: float) -> float:
        """The time for windows, of a figure that takes `full` when there is time."""
        return full / 4 if self.quick else full


class Figure(NamedTuple):
    """A thing to measure. `take` raises `NotAvailableError` where it cannot."""

    name: str
    title: str
    take: Callable[[Plan], Sequence[Reading]]
