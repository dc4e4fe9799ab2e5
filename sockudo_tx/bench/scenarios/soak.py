"""`soak`: another scenario for hours, with memory, CPU and table sizes over time."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..crew import CrewError
from ..histogram import Histogram
from ..options import add_load, duration
from ..rest import CallError, call
from ..stage import Interrupted, Stage
from ..target import TargetError
from ..told import Told, percentiles
from . import SCENARIOS, load_scenario

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES: frozenset[str] = frozenset()
"""Those of the scenario that is repeated, which is known only when its name has been read."""

_ADDED = (
    "published", "delivered", "expected", "lost", "duplicates", "disorder", "strays", "refused", "errors",
    "disconnected", "unsent", "came", "visitors", "decode_errors", "wrong",
)  # fmt: skip
"""Figures that are sums over all rounds; of the others only the last round's would be left, so they are not told."""
# What is sampled before: pools and caches get their size.
_FIRST_ROUNDS = 1
_MOST_NOTES = 20


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Which scenario, with all its options, and how long."""
    names = [row.name for row in SCENARIOS if row.name != "soak"]
    parser.add_argument("--scenario", choices=names, default="fanout", help="(default %(default)s)")
    parser.add_argument("--for", type=duration, default=3600.0, metavar="TIME", help="(default 1h)")
    parser.add_argument(
        "--sample-every", type=duration, default=5.0, metavar="TIME", help="a sample (default %(default)gs)"
    )
    chosen, _ = _chooser(names).parse_known_args(arguments)
    scenario = load_scenario(chosen.scenario)
    add_load(parser, scenario.TAKES)
    scenario.add_options(parser, arguments)
    if "--duration" in scenario.TAKES:
        parser.set_defaults(duration=60.0)


def _chooser(names: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--scenario", default="fanout", type=lambda text: text if text in names else "fanout")
    return parser


def tells(options: argparse.Namespace) -> Told:
    """Sums of what the scenario counts, its latencies, and what became of the server's memory."""
    told = load_scenario(options.scenario).tells(options)
    sums = [name for name in _ADDED if name in told.figures]
    own = ("rounds", *percentiles(), "rss_first_bytes", "rss_last_bytes", "rss_growth_bytes")
    return Told((*sums, *own, *(["deliveries_per_second"] if "delivered" in sums else [])), told.latencies)


def play(stage: Stage) -> None:
    """Rounds of the scenario, each with new clients, until the time is up; what they found is added up."""
    options = stage.options
    stage.sample_every = options.sample_every
    stage.also_sample = _tables(stage)
    total = _Total()
    settled = 0
    end = time.monotonic() + vars(options)["for"]
    while not total.rounds or (time.monotonic() < end and not stage.interrupted):
        stage.figures, stage.latencies, stage.notes = {}, {}, []
        try:
            load_scenario(options.scenario).play(stage)
            total.add(stage)
            stage.crew.renew()
        except Interrupted:
            break
        except (TargetError, CrewError) as error:
            if not total.rounds:
                raise
            total.end_early(str(error))
            break
        if total.rounds == _FIRST_ROUNDS:
            stage.sample(now=True)
            settled = len(stage.series.get("rss_bytes", ())) - 1
    total.tell(stage)
    stage.sample(now=True)
    if total.rounds and (points := stage.series.get("rss_bytes", [])[settled:]):
        stage.figures["rss_first_bytes"], stage.figures["rss_last_bytes"] = points[0][1], points[-1][1]
        stage.figures["rss_growth_bytes"] = points[-1][1] - points[0][1]


class _Total:
    """What all rounds found together."""

    def __init__(self) -> None:
        self.rounds = 0
        self._began = time.monotonic()
        self._sums: dict[str, float] = {}
        self._latencies: dict[str, Histogram] = {}
        self._notes: Counter[str] = Counter()
        self._end: list[str] = []

    def add(self, stage: Stage) -> None:
        """A round that went well enough to have figures."""
        self.rounds += 1
        for name in _ADDED:
            if name in stage.figures:
                self._sums[name] = self._sums.get(name, 0) + (stage.figures[name] or 0)
        for kind, histogram in stage.latencies.items():
            self._latencies.setdefault(kind, Histogram()).merge(histogram)
        self._notes.update(note for note in stage.notes if note in self._notes or len(self._notes) < _MOST_NOTES)

    def end_early(self, reason: str) -> None:
        """The last round had no figures. Those of the hours before are not thrown away, but it is a fault."""
        self._sums["errors"] = self._sums.get("errors", 0) + 1
        self._end = [f"ended early, in round {self.rounds + 1}: {reason}"]

    def tell(self, stage: Stage) -> None:
        """Makes them those of the run."""
        stage.figures = {"rounds": self.rounds, **self._sums}
        stage.latencies = self._latencies
        often = (note if count == 1 else f"in {count:,} rounds: {note}" for note, count in self._notes.items())
        stage.notes = [*self._end, *often]
        if "delivered" in self._sums:
            seconds = time.monotonic() - self._began
            stage.figures["deliveries_per_second"] = round(self._sums["delivered"] / seconds, 1)
        stage.percentiles(stage.main or "delivery")


def _tables(stage: Stage) -> Callable[[float], None]:
    """Reads table sizes where the server tells them: `/stats`, else `/usage`."""
    paths = ["/stats", "/usage"]
    known = False

    def sample(moment: float) -> None:
        nonlocal known
        while paths:
            found = _get(stage, paths[0])
            if found is not None:
                known = True
                for name, value in _numbers(found):
                    stage.note(name, moment, value)
                return
            if known:  # it only had no time
                return
            paths.pop(0)

    return sample


def _get(stage: Stage, path: str) -> dict[str, Any] | None:
    try:
        status, body = call(stage.target, "GET", f"{stage.target.prefix}{path}", patience=2.0)
        found = json.loads(body) if status == 200 else None
    except (CallError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _numbers(found: dict[str, Any], prefix: str = "server") -> Iterator[tuple[str, float]]:
    """Numbers by their path. Lists are details of apps and left out."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}_{name}")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            unit = "_bytes" if prefix.endswith("memory") and name != "percent" else ""
            yield f"{prefix}_{name}{unit}", value
