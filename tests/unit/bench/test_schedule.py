"""The schedule of events: fixed before anything is sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench.schedule import Schedule


class ScheduleTests(unittest.TestCase):
    """Moments, offsets and numbers."""

    def test_even(self) -> None:
        """Event number i is due at i/rate."""
        moments = list(Schedule(rate=10, seconds=0.5))
        self.assertEqual([moment.offset for moment in moments], [0, 100_000_000, 200_000_000, 300_000_000, 400_000_000])
        self.assertEqual([moment.first for moment in moments], [0, 1, 2, 3, 4])

    def test_together(self) -> None:
        """A burst is due at one moment, and the rate stays that of events."""
        moments = list(Schedule(rate=100, seconds=1, together=50))
        self.assertEqual([(*moment,) for moment in moments], [(0, 0, 50), (500_000_000, 50, 50)])

    def test_poisson(self) -> None:
        """Random arrivals keep the rate on average, stay within the time, and are the same for the same seed."""
        one = list(Schedule(rate=1000, seconds=10, poisson=True, seed=7))
        self.assertEqual(one, list(Schedule(rate=1000, seconds=10, poisson=True, seed=7)))
        self.assertNotEqual(one, list(Schedule(rate=1000, seconds=10, poisson=True, seed=8)))
        self.assertTrue(9_000 < len(one) < 11_000)
        self.assertLess(one[-1].offset, 10e9)
        self.assertEqual(sorted(one), one)

    @given(st.floats(0.5, 500), st.floats(0.1, 5), st.integers(1, 7), st.integers(1, 20), st.booleans())
    def test_shares(self, rate: float, seconds: float, shares: int, together: int, poisson: bool) -> None:
        """Several publishers have together exactly the moments of one."""
        schedule = Schedule(rate=rate, seconds=seconds, together=together, poisson=poisson)
        parts = [moment for share in range(shares) for moment in schedule.divided(share, shares)]
        self.assertEqual(sorted(parts, key=lambda moment: moment.first), list(schedule))

    def test_at_least_one(self) -> None:
        """A slow rate over a short time is still one event."""
        self.assertEqual(len(list(Schedule(rate=0.1, seconds=1))), 1)
        self.assertEqual(Schedule(rate=0.1, seconds=1).count, 1)
