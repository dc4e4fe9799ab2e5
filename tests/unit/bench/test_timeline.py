"""Latencies over time."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.bench.timeline import Timeline

SECOND = 1_000_000_000
EVENTS = st.lists(st.tuples(st.integers(0, 100_000 * SECOND), st.integers(0, SECOND)), max_size=60)


def counted(events: list[tuple[int, int]], start: int = 0) -> Timeline:
    timeline = Timeline(start)
    for moment, latency in events:
        timeline.at(moment).add_ns(latency)
    return timeline


def test_stretches() -> None:
    """Each half second has percentiles of its own, told at its middle; silence has none."""
    start = 77 * SECOND
    timeline = counted([(start, 1000), (start + SECOND // 4, 3000), (start + 2 * SECOND, 5000)], start)
    assert timeline.percentile(1.0) == [(start + SECOND // 4, 3e-6), (start + 9 * SECOND // 4, 5e-6)]
    assert timeline.percentile(0.5)[0][1] == 1e-6


def test_coarser() -> None:
    """Stretches can be made longer, for a series that is to have few points."""
    timeline = counted([(0, 1000), (SECOND, 3000), (5 * SECOND, 5000)])
    timeline.coarsen(3 * SECOND)
    assert timeline.percentile(1.0) == [(2 * SECOND, 3e-6), (6 * SECOND, 5e-6)]


def test_before_the_start() -> None:
    """What is earlier than the start belongs to the first stretch."""
    assert counted([(0, 7000)], SECOND).percentile(1.0) == [(SECOND * 5 // 4, 7e-6)]


@given(EVENTS)
def test_bounded(events: list[tuple[int, int]]) -> None:
    """However long a run is, it has at most 240 stretches, in order, and forgets nothing."""
    points = counted(events).percentile(1.0)
    assert len(points) <= 240
    assert points == sorted(points)
    if events:
        assert max(value for _, value in points) == max(latency for _, latency in events) / 1e9


@given(EVENTS, EVENTS)
def test_adding(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    """Adding is the same as having counted everything in one, also when one of them is much longer."""
    both = counted(some)
    both.add(pickle.loads(pickle.dumps(counted(others))))
    for share in (0.0, 0.5, 1.0):
        assert both.percentile(share) == counted(some + others).percentile(share)
