"""Axes of plots."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.bench.figures import Dimension
from sockudo_tx.bench.scales import Scale, elapsed, linear, logarithmic, percentiles

VALUES = st.floats(0, 1e15)


def holds(scale: Scale, *values: float) -> None:
    """It is drawable: ticks rise within it, are few, have names, and every value has a place."""
    positions = [at for at, _ in scale.ticks]
    assert scale.low < scale.high
    assert 2 <= len(positions) <= 16
    assert all(before < after for before, after in pairwise(positions))
    assert all(-1e-9 <= scale.place(at) <= 1 + 1e-9 for at in positions)
    assert all(scale.low <= at * (1 + 1e-6) and at * (1 - 1e-6) <= scale.high for at in positions)
    assert all(text for _, text in scale.ticks)
    for value in values:
        assert scale.low <= value * (1 + 1e-6) + 1e-12
        assert value * (1 - 1e-6) <= scale.high
        assert 0 <= scale.place(value) <= 1


@given(st.sampled_from(list(Dimension)), VALUES, VALUES)
def test_any_linear(dimension: Dimension, one: float, other: float) -> None:
    """Any two values have a linear axis."""
    low, high = sorted((one, other))
    holds(linear("", dimension, low, high), low, high)


@given(st.floats(1e-9, 3600), st.floats(1e-9, 3600))
def test_any_logarithmic(one: float, other: float) -> None:
    """Any two durations have a logarithmic axis, and a larger one lies higher."""
    low, high = sorted((one, other))
    scale = logarithmic("", Dimension.TIME, low, high)
    holds(scale, low, high)
    assert scale.place(low) <= scale.place(high)


@given(st.floats(0.3, 20))
def test_any_percentiles(highest: float) -> None:
    """However many nines there are, the axis reaches them."""
    scale = percentiles("", highest)
    holds(scale)
    assert scale.high >= highest


@given(st.floats(0, 1e7))
def test_any_elapsed(seconds: float) -> None:
    """Any length of a run has an axis."""
    scale = elapsed(seconds)
    assert scale.high >= seconds
    assert len(scale.ticks) <= 16


@pytest.mark.parametrize(
    ("scale", "texts"),
    [
        (linear("", Dimension.PLAIN, 3, 970), ["0", "500", "1,000"]),
        (linear("", Dimension.PLAIN, 10, 10), ["0", "5", "10"]),
        (linear("", Dimension.PLAIN, 0, 1), ["0", "1"]),
        (linear("", Dimension.PLAIN, 0, 0.9), ["0", "0.500", "1"]),
        (linear("", Dimension.PLAIN, 0, 2.4e10), ["0", "10G", "20G", "30G"]),
        (linear("", Dimension.PLAIN, 0, 190_000), ["0", "50k", "100k", "150k", "200k"]),
        (linear("", Dimension.SHARE, 30, 38), ["0 %", "10 %", "20 %", "30 %", "40 %"]),
        (linear("", Dimension.SIZE, 6e7, 6.1e7), ["54 MiB", "56 MiB", "58 MiB", "60 MiB", "62 MiB"]),
        (linear("", Dimension.SIZE, 1e6, 6e7), ["0 B", "20 MiB", "40 MiB", "60 MiB"]),
        (logarithmic("", Dimension.TIME, 0.0011, 0.019), ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms"]),
        (logarithmic("", Dimension.TIME, 0.00011, 0.9), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]),
        (percentiles("", 4.3), ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]),
        (elapsed(60), ["0", "10", "20", "30", "40", "50", "60"]),
        (elapsed(7000), ["0", "20", "40", "60", "80", "100"]),
    ],
)
def test_ticks(scale: Scale, texts: list[str]) -> None:
    """Ticks are numbers people like."""
    assert [text for _, text in scale.ticks] == texts


def test_time_has_a_unit() -> None:
    """Seconds, minutes or hours, as suits the run."""
    assert [elapsed(seconds).title for seconds in (60, 600, 100_000)] == ["time (s)", "time (min)", "time (h)"]
