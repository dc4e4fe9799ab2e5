"""What every test shares: a skip is named in one line and is a failure in CI; `long` tests need `--long`.

Tests are trial TestCases, `async def` ones included; pytest runs them with trial's checks (dirty reactor, logged
errors). Warnings are errors (pyproject.toml).
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from twisted.trial.unittest import SynchronousTestCase, TestCase

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# Shared machines stall; a slow example is no wrong example. CI tries the same examples on each run.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if IN_CI else "house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests marked `long`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        items[:] = [item for item in items if not item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        config.stash[_LONG] = len(long)


_LONG = pytest.StashKey[int]()


@pytest.fixture(scope="session", autouse=True)
def _trial_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trial's `mktemp` makes its folders in the working directory, here the repository: move them out of it."""
    root = tmp_path_factory.mktemp("trial")

    def mktemp(case: TestCase) -> str:
        return str(Path(tempfile.mkdtemp(prefix=f"{case.id().rpartition('.')[2]}-", dir=root)) / "temp")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SynchronousTestCase, "mktemp", mktemp)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test has failed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a skipped module has failed."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line: what was not run, and why."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    parts = [f"{count} {reason}" for reason, count in reasons.most_common()]
    if long := config.stash.get(_LONG, 0):
        parts.append(f"{long} marked long (`make soak` runs them)")
    terminalreporter.write_line("skipped: " + ("; ".join(parts) or "nothing"))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    found = report.longrepr
    text = str(found[2]) if isinstance(found, tuple) else str(found)
    return text.removeprefix("Skipped: ")
