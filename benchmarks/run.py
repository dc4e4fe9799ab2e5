"""`make bench`: every figure beside its reference in one run; see benchmarks/README.md."""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the project instead of this folder

from benchmarks.figures import FIGURES  # noqa: E402
from benchmarks.harness import machine  # noqa: E402
from benchmarks.harness.baseline import TOLERANCE, read_baseline, worsening, write_baseline  # noqa: E402
from benchmarks.harness.figure import Figure, NotAvailableError, Plan, Reading  # noqa: E402
from benchmarks.harness.table import lines  # noqa: E402

_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE / "results"
_BASELINE = _HERE / "baseline.json"


class _Progress:
    """One line on a terminal, rewritten; silence elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self.doing = ""

    def tell(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K{time.monotonic() - self._began:4.0f} s  {self.doing}  {text}", end="", file=sys.stderr)

    def clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr)


class Suite:
    """Takes figures one after the other and keeps what they gave."""

    def __init__(self, quick: bool, baseline: dict[str, float]) -> None:
        self.readings: dict[str, Reading] = {}
        self.skipped: dict[str, str] = {}
        self.broken: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._quick = quick
        self._baseline = baseline
        self._progress = _Progress()

    def take(self, figure: Figure) -> None:
        """Measures; a second time where a limit or the baseline is missed, because noise only ever makes worse."""
        self._progress.doing = figure.name
        began = time.monotonic()
        first = self._measure(figure)
        if first and any(self.bad(each) for each in first):
            self._progress.doing = f"{figure.name}, again"
            again = {each.name: each for each in self._measure(figure) or first}
            first = [better(each, again.get(each.name, each)) for each in first]
        self.readings.update((each.name, each) for each in first or ())
        self.seconds[figure.name] = round(time.monotonic() - began, 1)
        self._progress.clear()

    def bad(self, found: Reading) -> bool:
        """Whether it is out of its limit or worse than the baseline allows."""
        return not found.limit.holds(found.value) or self.regressed(found)

    def regressed(self, found: Reading) -> bool:
        """Whether it is worse than the baseline allows."""
        before = self._baseline.get(found.name) if found.compared else None
        return before is not None and worsening(found, before) > TOLERANCE

    def _measure(self, figure: Figure) -> Sequence[Reading] | None:
        plan = Plan(self._quick, self._progress.tell)
        plan.tell("starting")
        try:
            return figure.take(plan)
        except NotAvailableError as error:
            self.skipped[figure.name] = str(error)
        except (OSError, RuntimeError) as error:
            self.broken[figure.name] = f"{type(error).__name__}: {error}"
        return None


def better(one: Reading, other: Reading) -> Reading:
    """The reading with the better value."""
    lower = one.limit.better == "lower"
    return one if (one.value <= other.value) == lower else other


def chosen(only: str | None) -> list[Figure]:
    """The figures named in `--only`, all without it. Exits with a message on a name that is none."""
    if only is None:
        return list(FIGURES)
    known = {figure.name: figure for figure in FIGURES}
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in known:
            sys.exit(f"benchmarks: there is no figure {name!r}; choose from {', '.join(known)}")
    return [known[name] for name in names]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description="Every figure beside its reference, in one run on this machine. Results go to benchmarks/results/.",
        epilog="Exit status: 0 every limit holds and nothing has become worse, 1 something does not, 2 wrong usage.",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the figures and what each is")
    parser.add_argument("--only", metavar="NAME[,NAME]", help="take only these figures")
    parser.add_argument("--quick", action="store_true", help="a quarter of the windows: rougher, in about a minute")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, as it is written to the file")
    parser.add_argument("--brief", action="store_true", help="print one line a figure")
    parser.add_argument(
        "--update-baseline", action="store_true", help="write these ratios to benchmarks/baseline.json and commit it"
    )
    return parser.parse_args()


def main() -> int:
    """0 when every limit holds and nothing is worse than the baseline."""
    options = _options()
    figures = chosen(options.only)
    if options.list:
        for figure in figures:
            print(f"{figure.name:<16}{figure.title}")
        return 0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began, clock = datetime.now(UTC), time.monotonic()
    baseline = read_baseline(_BASELINE)
    about = machine.description()
    suite = Suite(options.quick, {} if options.update_baseline else baseline)
    for figure in figures:
        suite.take(figure)
    readings = list(suite.readings.values())
    result: dict[str, Any] = {
        "at": began.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "quick": options.quick,
        "machine": about,
        "seconds_each": suite.seconds,
        "readings": [dataclasses.asdict(each) | {"limit": each.limit._asdict()} for each in readings],
        "not_available": suite.skipped,
        "broken": suite.broken,
        "below": [each.name for each in readings if not each.limit.holds(each.value)],
        "regressions": [each.name for each in readings if suite.regressed(each)],
    }
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{began:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if options.json:
        print(path.read_text(), end="")
    else:
        _print(suite, readings, baseline, absolute=not options.brief)
        print(f"written {path}")
    if options.update_baseline:
        write_baseline(_BASELINE, readings, about)
    return 1 if result["below"] or result["regressions"] or suite.broken else 0


def _print(suite: Suite, readings: list[Reading], baseline: dict[str, float], *, absolute: bool) -> None:
    print("\n".join(lines(readings, baseline, absolute=absolute)))
    for name, why in suite.skipped.items():
        print(f"{name:<24}not available: {why}")
    for name, why in suite.broken.items():
        print(f"{name:<24}BROKEN: {why}")
    for each in readings:
        if suite.regressed(each):
            print(f"regression: {each.name} is {worsening(each, baseline[each.name]):.0%} worse than the baseline")


if __name__ == "__main__":
    sys.exit(main())
