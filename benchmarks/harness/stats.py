"""From the windows of two sides to one ratio and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Ratio", "quantile", "ratio"]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed, between two of them where it falls there."""
    if not values:
        raise ValueError("no window was measured")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


class Ratio(NamedTuple):
    """One side over the other; `low` and `high` bound the middle half of the pairs of windows."""

    value: float
    low: float
    high: float
    ours: float
    """Cost of our side in its own unit, at the same quantile as the ratio."""
    theirs: float
    windows: int


def ratio(ours: Sequence[float], theirs: Sequence[float], *, inverse: bool = False) -> Ratio:
    """The ratio of two costs taken in turn: lower quartile over lower quartile.

    Noise from other programs only ever adds, so the lower quartile is nearer to the cost than the median, and
    unlike the minimum it does not hang on one lucky window. With `inverse` it is a ratio of speeds.
    """
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=False)]
    mine, other = quantile(ours, 0.25), quantile(theirs, 0.25)
    value, low, high = mine / other, quantile(pairs, 0.25), quantile(pairs, 0.75)
    if inverse:
        value, low, high = 1 / value, 1 / high, 1 / low
    return Ratio(value, low, high, mine, other, len(pairs))
