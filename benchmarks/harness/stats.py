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
    """Median cost of our side in its own unit."""
    theirs: float
    windows: int


def ratio(ours: Sequence[float], theirs: Sequence[float], *, inverse: bool = False) -> Ratio:
    """The ratio of two costs taken in turn: the median of the pairs of neighbouring windows.

    A machine that slows down for seconds slows both windows of a pair, and what hits one window alone is as likely
    on either side. Of repeated runs, the median of 100 short pairs scattered by 3 %, quartiles of the two sides by
    5 to 15 %. With `inverse` it is a ratio of speeds.
    """
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    value, low, high = (quantile(pairs, share) for share in (0.5, 0.25, 0.75))
    if inverse:
        value, low, high = 1 / value, 1 / high, 1 / low
    return Ratio(value, low, high, quantile(ours, 0.5), quantile(theirs, 0.5), len(pairs))
