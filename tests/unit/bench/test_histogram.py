"""Percentiles of latencies."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench.histogram import Histogram


class HistogramTests(unittest.TestCase):
    """Counting durations."""

    def test_nothing(self) -> None:
        """Nothing counted has no percentiles."""
        self.assertEqual(Histogram().summary(), {"p50": None, "p95": None, "p99": None, "max": None})

    @given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
    def test_right_to_one_per_cent(self, durations: list[float], share: float) -> None:
        """A percentile is within about one per cent of the duration at that rank."""
        histogram = Histogram()
        for duration in durations:
            histogram.add(duration)
        exact = sorted(durations)[math.ceil(share * len(durations)) - 1]
        found = histogram.percentile(share)
        assert found is not None
        self.assertLessEqual(abs(found - exact), 0.0101 * exact)
