"""`make bench`: every figure beside its reference in one run; see benchmarks/README.md."""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the project instead of this folder

from benchmarks.figures import FIGURES  # noqa: E402
from benchmarks.harness import machine  # noqa: E402
from benchmarks.harness.baseline import read_baseline, worsening, write_baseline  # noqa: E402
from benchmarks.harness.figure import Figure, Reading  # noqa: E402
from benchmarks.harness.suite import Suite  # noqa: E402
from benchmarks.harness.table import HEAD, lines  # noqa: E402

_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE / "results"
_BASELINE = _HERE / "baseline.json"


def _named(text: str) -> list[Figure]:
    known = {figure.name: figure for figure in FIGURES}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"there is no figure {name!r}; choose from {', '.join(known)}")
    return [known[name] for name in names]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description="Every figure beside its reference, in one run on this machine. Results go to benchmarks/results/.",
        epilog="Exit status: 0 every limit holds and nothing has become worse, 1 something does not, 2 wrong usage.",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the figures and what each is")
    parser.add_argument("--only", metavar="NAME[,NAME]", type=_named, default=FIGURES, help="take only these figures")
    parser.add_argument(
        "--quick", action="store_true", help="a quarter of the windows: rougher, in little more than a minute"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON, as it is written to the file")
    parser.add_argument("--brief", action="store_true", help="print one line a figure")
    parser.add_argument(
        "--update-baseline", action="store_true", help="write these ratios to benchmarks/baseline.json and commit it"
    )
    return parser.parse_args()


def main() -> int:
    """0 when every limit holds and nothing is worse than the baseline."""
    options = _options()
    if options.list:
        for figure in options.only:
            print(f"{figure.name:<16}{figure.title}")
        return 0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began, clock = datetime.now(UTC), time.monotonic()
    baseline = read_baseline(_BASELINE)
    about = machine.description()
    suite = Suite(options.quick, {} if options.update_baseline else baseline)
    if not options.json:
        print(f"{about['processor']}, {about['cores']} cores, load {about['load_average']:.1f}")
        print(HEAD)
    for figure in options.only:
        taken = suite.take(figure)
        if not options.json:
            _print(suite, figure, taken, baseline, absolute=not options.brief)
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
        _sum_up(suite, readings, baseline)
        print(f"{result['seconds']:.0f} s, written {path}")
    if options.update_baseline:
        write_baseline(_BASELINE, readings, about)
    return 1 if result["below"] or result["regressions"] or suite.broken else 0


def _print(
    suite: Suite, figure: Figure, taken: Sequence[Reading], baseline: Mapping[str, float], *, absolute: bool
) -> None:
    for each in taken:
        print("\n".join(lines(each, baseline, absolute=absolute)))
    if figure.name in suite.skipped:
        print(f"{figure.name:<24}not available: {suite.skipped[figure.name]}")
    if figure.name in suite.broken:
        print(f"{figure.name:<24}BROKEN: {suite.broken[figure.name]}")
    sys.stdout.flush()


def _sum_up(suite: Suite, readings: Sequence[Reading], baseline: Mapping[str, float]) -> None:
    for each in readings:
        if not each.limit.holds(each.value):
            print(f"below: {each.name} is {each.value:.3g} {each.unit}".rstrip())
        if suite.regressed(each):
            print(f"regression: {each.name} is {worsening(each, baseline[each.name]):.0%} worse than the baseline")


if __name__ == "__main__":
    sys.exit(main())
