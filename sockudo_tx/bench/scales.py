"""Axes: where a value lies on them, and ticks at numbers people like."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

from .figures import Dimension, show_in

__all__ = ["Scale", "elapsed", "linear", "logarithmic", "percentiles"]

_NICE = (1.0, 2.0, 5.0, 10.0)
_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
# The nines that fit beside one another; beyond them every second one is named.
_MANY_NINES = 6


class Scale(NamedTuple):
    """An axis from `low` to `high`."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    logs: bool = False

    def place(self, value: float) -> float:
        """0 at the low end to 1 at the high end; what lies beyond is put there."""
        value = min(max(value, self.low), self.high)
        if self.logs:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear(title: str, dimension: Dimension, low: float, high: float) -> Scale:
    """From zero; only sizes that hardly change are seen from nearer, since that is how a leak begins."""
    if dimension is Dimension.SIZE and low > 0 and high - low < low:
        # Never less than a tenth of the value: noise must not look like a mountain.
        middle, spread = (low + high) / 2, max(high - low, high / 10)
        low, high = max(middle - spread * 0.6, 0.0), middle + spread * 0.6
    else:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-12:
        high = low + (100.0 if dimension is Dimension.SHARE else 1.0)
    base = _power(1024.0, high) if dimension is Dimension.SIZE else 1.0
    step = _step((high - low) / base, 4) * base
    if dimension is Dimension.PLAIN and high - low >= 1:
        step = max(step, 1.0)  # they are mostly counts, and there is no half a connection
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    short = dimension is Dimension.PLAIN and last * step >= 1e5
    show = _short if short else partial(show_in, dimension)
    ticks = tuple((number * step, show(number * step)) for number in range(first, last + 1))
    return Scale(title, first * step, last * step, ticks)


def logarithmic(title: str, dimension: Dimension, low: float, high: float) -> Scale:
    """Ticks at 1, 2, 5, 10, ... or, over more than three powers of ten, at these alone."""
    high = max(high, 1e-9)
    low = max(min(low, high), high / 1e13)
    steps = _NICE[:3] if high / low < 1000 else _NICE[:1]
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    ladder = [step * 10.0**power for power in range(first - 1, last + 1) for step in steps] + [10.0 ** (last + 1)]
    begin = max(tick for tick in ladder if tick <= low * (1 + 1e-9))
    end = min(tick for tick in ladder if tick >= high * (1 - 1e-9) and tick > begin)
    ticks = tuple((tick, show_in(dimension, tick)) for tick in ladder if begin <= tick <= end)
    return Scale(title, begin, end, ticks, logs=True)


def percentiles(title: str, highest: float) -> Scale:
    """For -log10(1 - share): each further nine takes the same room."""
    nines = max(1, min(math.ceil(highest - 1e-9), 12))
    named = range(1, nines + 1, 1 if nines <= _MANY_NINES else 2)
    ticks = [(0.0, "0 %"), (-math.log10(0.5), "50 %")]
    ticks += [(float(nine), f"{100 - 10.0 ** (2 - nine):.{max(nine - 2, 0)}f} %") for nine in named]
    return Scale(title, 0.0, max(highest, 1.0), tuple(tick for tick in ticks if tick[0] <= max(highest, 1.0)))


def elapsed(seconds: float) -> Scale:
    """Time since the start in seconds, minutes or hours."""
    unit, name = next(
        found for found in ((3600.0, "h"), (60.0, "min"), (1.0, "s")) if seconds > 2 * found[0] or found[0] == 1
    )
    end = max(seconds / unit, 1e-3)
    step = _step(end, 6)
    ticks = tuple((number * step * unit, f"{number * step:g}") for number in range(math.floor(end / step + 1e-9) + 1))
    return Scale(f"time ({name})", 0.0, max(end * unit, seconds), ticks)


def _short(value: float) -> str:
    """A large number in the room beside an axis."""
    scale, sign = next((found for found in _THOUSANDS if abs(value) >= found[0]), (1.0, ""))
    return f"{value / scale:.3g}{sign}"


def _step(span: float, count: int) -> float:
    """The nicest distance of about so many ticks."""
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(nice for nice in _NICE if nice * power >= rough * (1 - 1e-9)) * power


def _power(base: float, value: float) -> float:
    return base ** max(0, min(3, math.floor(math.log(max(value, 1.0), base))))
