"""From windows to a ratio."""

from __future__ import annotations

import pytest

from benchmarks.harness.stats import quantile, ratio
from benchmarks.harness.windows import interleave


def test_a_quantile_lies_between_two_values() -> None:
    """Quartiles of a few values are where everybody expects them, whatever order they come in."""
    assert quantile([4, 1, 3, 2, 5], 0.25) == 2
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([7], 0.75) == 7
    assert (quantile([3, 1, 2], 0), quantile([3, 1, 2], 1)) == (1, 3)


def test_nothing_measured_has_no_quantile() -> None:
    """No window is an error, not a zero."""
    with pytest.raises(ValueError, match="no window"):
        quantile([], 0.5)


def test_a_ratio_pairs_neighbours() -> None:
    """A machine that becomes slower meanwhile changes no ratio, and one spoilt window does not either."""
    theirs = [float(number) for number in range(1, 10)]
    ours = [1.5 * each for each in theirs]
    ours[4] = 100.0
    found = ratio(ours, theirs)
    assert found.value == pytest.approx(1.5)
    assert (found.low, found.high) == (pytest.approx(1.5), pytest.approx(1.5))
    assert found.windows == 9


def test_a_ratio_of_speeds_is_the_inverse() -> None:
    """Half the cost is twice the speed, and low stays below high."""
    found = ratio([1.0, 1.0, 2.0], [2.0, 2.5, 2.0], inverse=True)
    assert found.value == pytest.approx(2.0)
    assert found.low < found.value < found.high


def test_windows_take_turns() -> None:
    """Both sides run in turn, each first every other time, and the warm-up is not counted."""
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    found = interleave({"a": lambda: side("a"), "b": lambda: side("b")}, 0, warm=1)
    assert calls == list("ab" + "ab" + "ba" + "ab" + "ba")
    assert found == {"a": [3.0, 6.0, 7.0, 10.0], "b": [4.0, 5.0, 8.0, 9.0]}
