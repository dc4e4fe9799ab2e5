"""What the benchmark suite makes of values: limits, the baseline, and a second try."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.harness.baseline import read_baseline, worsening, write_baseline
from benchmarks.harness.figure import Figure, Limit, NotAvailableError, Plan, Reading, at_least, at_most
from benchmarks.harness.suite import Suite
from benchmarks.harness.table import lines, verdict


def reading(value: float, limit: Limit = at_most(), name: str = "publish") -> Reading:  # noqa: B008 - frozen
    return Reading(name, "a title", value, limit)


def figure(*values: float, limit: Limit = at_most()) -> Figure:  # noqa: B008 - frozen
    """Gives one value after the other, each time it is taken."""
    following: Iterator[float] = iter(values)

    def take(plan: Plan) -> Sequence[Reading]:
        return [reading(next(following), limit)]

    return Figure("publish", "a title", take)


@pytest.mark.parametrize(
    ("limit", "value", "regressed"),
    [
        (at_most(), 1.16, True),
        (at_most(), 1.14, False),
        (at_most(), 0.5, False),
        (at_least(), 1 / 1.16, True),
        (at_least(), 1 / 1.14, False),
        (at_least(), 2.0, False),
    ],
)
def test_a_regression_is_more_than_15_per_cent(limit: Limit, value: float, regressed: bool) -> None:
    """16 % worse than the baseline is told, 14 % is not; less is worse where more is better."""
    assert Suite(quick=True, baseline={"publish": 1.0}).regressed(reading(value, limit)) is regressed


def test_what_is_new_has_no_regression() -> None:
    """A figure the baseline does not know is only told."""
    assert not Suite(quick=True, baseline={"other": 1.0}).regressed(reading(100))
    assert worsening(reading(2.0), 1.0) == 1.0


def test_a_miss_is_measured_again() -> None:
    """A figure out of its limit gets a second try, the better of both counts; a good one is taken once."""
    suite = Suite(quick=True, baseline={})
    (found,) = suite.take(figure(2.0, 1.4, limit=at_most(1.5)))
    assert found.value == 1.4
    assert suite.take(figure(1.2, limit=at_most(1.5)))[0].value == 1.2
    assert suite.take(figure(3.0, 4.0, limit=at_most(1.5)))[0].value == 3.0


def test_noise_excuses_no_fault() -> None:
    """Where noise is no excuse, a second try makes nothing better."""
    values = iter((1.0, 0.0))

    def take(plan: Plan) -> Sequence[Reading]:
        return [Reading("faults", "a title", next(values), at_most(0), excusable=False)]

    suite = Suite(quick=True, baseline={})
    (found,) = suite.take(Figure("faults", "a title", take))
    assert found.value == 1.0
    assert suite.bad(found)


def test_what_cannot_run_here_is_named() -> None:
    """A figure without its means is skipped with the reason; one that breaks down fails the run."""

    def unavailable(plan: Plan) -> Sequence[Reading]:
        raise NotAvailableError("there is no C compiler")

    def breaks(plan: Plan) -> Sequence[Reading]:
        raise ConnectionError("bytes are missing")

    def hangs(plan: Plan) -> Sequence[Reading]:
        raise subprocess.TimeoutExpired("sockudo bench", 120)

    suite = Suite(quick=True, baseline={})
    assert not suite.take(Figure("one", "", unavailable))
    assert not suite.take(Figure("two", "", breaks))
    assert not suite.take(Figure("three", "", hangs))
    assert suite.skipped == {"one": "there is no C compiler"}
    assert suite.broken["two"] == "ConnectionError: bytes are missing"
    assert "120 seconds" in suite.broken["three"]


def test_a_baseline_survives_a_partial_update(tmp_path: Path) -> None:
    """Writing some figures keeps the others; values that mean nothing elsewhere are not written."""
    path = tmp_path / "baseline.json"
    machine = {"processor": "p", "kernel": "k", "python": "3", "load_average": 9}
    assert read_baseline(path) == {}
    write_baseline(path, [reading(1.23456), reading(3.0, name="rest")], machine)
    write_baseline(path, [reading(2.0), Reading("idle", "", 5.0, compared=False)], machine)
    assert read_baseline(path) == {"publish": 2.0, "rest": 3.0}
    assert json.loads(path.read_text())["machine"] == {"processor": "p", "kernel": "k", "python": "3"}


def test_a_row_tells_limits_and_change() -> None:
    """Value, reach, aim, verdict and change against the baseline stand in one line; the parts in the next."""
    found = Reading("publish", "CPU per frame", 1.2, at_most(1.5, 1.25), 1.1, 1.3, absolute={"C, µs": 2.5})
    row, parts = lines(found, {"publish": 1.0}, absolute=True)
    assert row.split() == [
        "publish",
        "1.2",
        "1.1",
        "–",
        "1.3",
        "≤",
        "1.5",
        "1.25",
        "ok,",
        "aim",
        "1",
        "20%",
        "worse",
        "REGRESSION",
    ]
    assert parts.strip() == "CPU per frame: C, µs 2.5"
    assert verdict(reading(1.4, at_most(1.5, 1.25))) == "ok"
    assert verdict(reading(2.9, at_least(3, 5))) == "BELOW"
    assert verdict(reading(1)) == ""
