"""`soak`: another scenario for hours, with memory, CPU and table sizes over time."""

from __future__ import annotations

import argparse
import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..histogram import Histogram
from ..options import duration
from ..stage import Interrupted, Stage
from . import SCENARIOS, load_scenario

__all__ = ["add_options", "play"]

_ADDED = (
    "published", "delivered", "expected", "lost", "duplicates", "disorder", "strays", "refused", "errors",
    "disconnected", "unsent", "came", "visitors",
)  # fmt: skip
"""Figures that are sums over all rounds; of the others only the last round's would be left, so they are not told."""
# What is sampled before: pools and caches get their size.
_FIRST_ROUNDS = 1


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Which scenario, with all its options, and how long."""
    names = [row.name for row in SCENARIOS if row.name != "soak"]
    parser.add_argument("--scenario", choices=names, default="fanout", dest="soaked", help="(default %(default)s)")
    parser.add_argument("--for", type=duration, default=3600.0, dest="time", metavar="TIME", help="(default 1h)")
    parser.add_argument(
        "--sample-every",
        type=duration,
        default=5.0,
        dest="sampling",
        metavar="TIME",
        help="a sample (default %(default)gs)",
    )
    chosen, _ = _chooser(names).parse_known_args(arguments)
    load_scenario(chosen.soaked).add_options(parser, arguments)
    parser.set_defaults(duration=60.0)


def _chooser(names: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument(
        "--scenario", default="fanout", dest="soaked", type=lambda text: text if text in names else "fanout"
    )
    return parser


def play(stage: Stage) -> None:
    """Rounds of the scenario, each with new clients, until the time is up; what they found is added up."""
    options = stage.options
    stage.sample_every = options.sampling
    stage.also_sample = _tables(stage)
    sums: dict[str, float] = {}
    latencies: dict[str, Histogram] = {}
    notes: dict[str, int] = {}
    end = time.monotonic() + options.time
    rounds = 0
    began = time.monotonic()
    while rounds == 0 or (time.monotonic() < end and not stage.interrupted):
        stage.figures, stage.latencies, stage.notes = {}, {}, []
        try:
            load_scenario(options.soaked).play(stage)
        except Interrupted:
            break
        rounds += 1
        for name in _ADDED:
            if name in stage.figures:
                sums[name] = sums.get(name, 0) + (stage.figures[name] or 0)
        for name, histogram in stage.latencies.items():
            latencies.setdefault(name, Histogram()).merge(histogram)
        for note in stage.notes:
            notes[note] = notes.get(note, 0) + 1
        stage.crew.renew()
        if rounds == _FIRST_ROUNDS:
            stage.sample(now=True)
            settled = len(stage.series.get("rss_bytes", ())) - 1
    stage.figures = {"rounds": rounds, **sums}
    stage.latencies = latencies
    stage.notes = [note if count == 1 else f"in {count:,} rounds: {note}" for note, count in list(notes.items())[:20]]
    if "delivered" in sums:
        stage.figures["deliveries_per_second"] = round(sums["delivered"] / (time.monotonic() - began), 1)
    stage.percentiles(stage.main or "delivery")
    stage.sample(now=True)
    if rounds and (points := stage.series.get("rss_bytes", [])[settled:]):
        stage.figures["rss_first_bytes"], stage.figures["rss_last_bytes"] = points[0][1], points[-1][1]
        stage.figures["rss_growth_bytes"] = points[-1][1] - points[0][1]


def _tables(stage: Stage) -> Callable[[float], None]:
    """Reads table sizes where the server tells them: `/stats`, else `/usage`."""
    paths = ["/stats", "/usage"]

    def sample(moment: float) -> None:
        while paths:
            found = _get(stage, paths[0])
            if found is None:
                paths.pop(0)
                continue
            for name, value in _numbers(found):
                stage.note(name, moment, value)
            return

    return sample


def _get(stage: Stage, path: str) -> dict[str, Any] | None:
    target = stage.target
    context = target.context()
    host, port = target.address
    connection = (
        http.client.HTTPConnection(host, port, timeout=2)
        if context is None
        else http.client.HTTPSConnection(target.host, port, timeout=2, context=context)
    )
    try:
        connection.request("GET", f"{target.prefix}{path}", headers={"Host": target.authority})
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None


def _numbers(found: dict[str, Any], prefix: str = "server") -> Iterator[tuple[str, float]]:
    """Numbers by their path. Lists are details of apps and left out."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}_{name}")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            unit = "_bytes" if prefix.endswith("memory") and name != "percent" else ""
            yield f"{prefix}_{name}{unit}", value
