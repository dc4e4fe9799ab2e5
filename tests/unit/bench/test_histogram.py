"""Percentiles of latencies."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.bench.histogram import Histogram

HOUR = 3_600_000_000_000
NANOSECONDS = st.lists(st.one_of(st.integers(0, HOUR), st.integers(0, 10_000_000)), min_size=1, max_size=200)
SHARES = st.one_of(st.sampled_from([0.5, 0.95, 0.99, 0.999, 1.0]), st.floats(0, 1))


def counted(durations: list[int]) -> Histogram:
    histogram = Histogram()
    for duration in durations:
        histogram.add_ns(duration)
    return histogram


def test_nothing() -> None:
    """Nothing counted has no percentiles, no points and no extremes."""
    nothing = Histogram()
    assert set(nothing.summary().values()) == {None}
    assert list(nothing.summary()) == ["mean", "p50", "p95", "p99", "p999", "max"]
    assert (nothing.count, nothing.lowest, nothing.highest, nothing.mean, nothing.points()) == (0, None, None, None, [])


@given(NANOSECONDS, SHARES)
def test_right_to_three_digits(durations: list[int], share: float) -> None:
    """A percentile is within 0.1 % of the duration at that rank."""
    exact = sorted(durations)[max(math.ceil(share * len(durations) - 1e-6), 1) - 1]
    found = counted(durations).percentile(share)
    assert found is not None
    assert abs(found * 1e9 - exact) <= 0.001 * exact + 1e-3


@given(NANOSECONDS)
def test_exact_extremes(durations: list[int]) -> None:
    """The lowest and the highest are exact, the mean is right to 0.1 %."""
    histogram = counted(durations)
    assert histogram.count == len(durations)
    assert histogram.lowest == min(durations) / 1e9
    assert histogram.highest == histogram.percentile(1.0) == max(durations) / 1e9
    mean = sum(durations) / len(durations) / 1e9
    assert histogram.mean == pytest.approx(mean, rel=1e-3, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(1, 5)), max_size=20))
def test_several_equal_ones(durations: list[tuple[int, int]]) -> None:
    """Adding several equal ones at once is the same as one after the other."""
    histogram = Histogram()
    for duration, count in durations:
        histogram.add_ns(duration, count)
    singly = counted([duration for duration, count in durations for _ in range(count)])
    assert histogram.to_dict() == singly.to_dict()
    assert histogram.count == singly.count


@given(NANOSECONDS, st.lists(st.integers(0, HOUR), max_size=100))
def test_merging(some: list[int], others: list[int]) -> None:
    """Merging is the same as adding everything to one."""
    merged = counted(some)
    merged.merge(counted(others))
    assert merged.to_dict() == counted(some + others).to_dict()


@given(st.lists(st.integers(0, HOUR), max_size=200))
def test_through_json(durations: list[int]) -> None:
    """What JSON carried is the histogram that was sent."""
    histogram = counted(durations)
    found = Histogram.from_dict(json.loads(json.dumps(histogram.to_dict())))
    assert found.to_dict() == histogram.to_dict()
    assert found.summary() == histogram.summary()


@given(st.lists(st.integers(-(1 << 80), 1 << 80), min_size=1, max_size=50))
def test_out_of_range(durations: list[int]) -> None:
    """Longer than an hour counts as an hour, less than nothing as nothing."""
    inside = [min(max(duration, 0), HOUR) for duration in durations]
    assert counted(durations).to_dict() == counted(inside).to_dict()


def test_bounded_memory() -> None:
    """There are at most some 35,000 buckets, whatever is added."""
    histogram = Histogram()
    for power in range(-30, 0):
        for step in range(3000):
            histogram.add(3600 * 2.0**power * (1 + step / 3000))
    assert len(histogram.to_dict()["buckets"]) / 2 < 35_000
    for step in range(3000):
        histogram.add(1e300 * step)
    assert histogram.highest == 3600


@given(NANOSECONDS)
def test_points(durations: list[int]) -> None:
    """The points of the distribution rise in both directions, never reach share 1 and end with the highest."""
    points = counted(durations).points()
    assert points == sorted(points)
    assert all(0 < share < 1 for share, _ in points)
    assert points[-1][1] == max(durations) / 1e9


def test_few_points() -> None:
    """A wide distribution of a million durations has a few hundred points."""
    histogram = Histogram()
    for number in range(200_000):
        histogram.add_ns(1000 + number * 977)
    assert 50 < len(histogram.points()) < 32 * 7


@given(NANOSECONDS, st.integers(1, 60))
def test_spread(durations: list[int], columns: int) -> None:
    """Every duration falls into one column."""
    found = counted(durations).spread(columns, 1e-6, 100.0)
    assert len(found) == columns
    assert sum(found) == len(durations)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=10)


@given(st.one_of(st.dictionaries(st.sampled_from(["lowest_ns", "highest_ns", "buckets"]), JSON), JSON))
def test_foreign_json(found: Any) -> None:
    """Whatever is no histogram is a ValueError."""
    try:
        histogram = Histogram.from_dict(found)
    except ValueError:
        return
    histogram.summary()
    histogram.points()


@pytest.mark.parametrize(
    "found",
    [
        {"lowest_ns": 1, "highest_ns": 2, "buckets": [1, -1]},
        {"lowest_ns": 1, "highest_ns": 2, "buckets": [1]},
        {"lowest_ns": 1, "highest_ns": 2, "buckets": [1 << 70, 1]},
        {"lowest_ns": 1, "highest_ns": 9, "buckets": [1, 1, 1, 1]},
        {"lowest_ns": True, "highest_ns": 1, "buckets": [1, 1]},
        [1],
    ],
)
def test_damaged(found: Any) -> None:
    """Counts below one, buckets beyond the hour and extremes elsewhere are refused."""
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_dict(found)
