"""`slow-consumers`: some clients that stop reading; what the others notice and what becomes of the slow."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from ..cures import cured
from ..flow import Flow, lead
from ..options import LOAD, whole
from ..plans import Group, Window
from ..stage import Stage
from ..told import PUBLISHED, Told, percentiles
from .fanout import channels, publisher

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = LOAD

# How long the slow ones may take to read what was kept for them, and when they are done.
_PATIENCE, _SILENCE = 20.0, 1.0
# A small receive window, so that the server soon notices.
_WINDOW = 4096


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Who is slow; by default enough data that buffers of some megabytes fill."""
    parser.set_defaults(size=8000, rate=100.0)
    parser.add_argument(
        "--slow",
        type=whole(least=0),
        default=5,
        metavar="N",
        help="clients that stop, besides --connections that do not (default %(default)s); 0: the same run without them",
    )
    parser.add_argument(
        "--stop",
        choices=("half-way", "first"),
        default="half-way",
        help="when they stop: in the middle, or before the first event, to be compared with a run without them "
        "(default %(default)s)",
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    told = PUBLISHED.plus("slow_dropped", "slow_kept", "slow_events", "slow_missed")
    return told.plus(*percentiles("before_"), latencies=("before",)) if options.stop == "half-way" else told


def play(stage: Stage) -> None:
    """Half of --duration in which all read, then the other half in which the slow ones do not; or all without them."""
    options, figures = stage.options, stage.figures
    half_way = options.stop == "half-way"
    stage.hire(options.connections + options.slow)
    names = channels(options)
    subscribers = Group(name="subscribers", count=options.connections, channels=names)
    slow = Group(name="slow", count=options.slow, channels=names, receive_buffer=_WINDOW)
    stage.open(slow)  # the first in the audience: whatever they cost comes before the others' share
    stage.open(subscribers)
    if not half_way:
        stage.command("slow", "stall")
    start = lead()
    begin = start + round(options.warmup * 1e9)
    stall = begin + (round(options.duration / 2 * 1e9) if half_way else 0)
    end = begin + round((options.duration + 1) * 1e9)
    windows = [Window("warmup", start, begin), Window("before", begin, stall), Window("delivery", stall, end)]
    actions = [(stall, "some stopped reading", lambda: stage.command("slow", "stall"))] if half_way else []
    flow = Flow(stage, publisher(options, names, start), [subscribers], windows=windows, actions=actions)
    flow.run_and_tell()
    if half_way:
        stage.merge("before", [flow.reports["subscribers"]["latencies"].get("before", {})])
        stage.percentiles("before", "before_")
    stage.command("slow", "resume")
    _await_quiet(stage)
    dropped = lost = events = 0
    for report in stage.crew.ask("report", flow.sent, members=stage.crew.clients):
        found = report["slow"]
        dropped += found["dropped"].total()
        lost += found["verdicts"].lost
        events += found["events"]
        stage.notes += [f"{count:,} slow clients: {cured(reason)}" for reason, count in found["dropped"].most_common(3)]
    figures["slow_dropped"] = dropped
    figures["slow_kept"] = options.slow - dropped
    figures["slow_events"] = events
    figures["slow_missed"] = lost
    if options.slow and not dropped and not lost:
        stage.notes.append(
            "the slow clients lost nothing: the buffers held it all. More --rate, --size or --duration shows the limit"
        )


def _await_quiet(stage: Stage) -> None:
    """Until the slow ones have read what there is for them."""
    changed, known = time.monotonic(), -1

    def quiet(status: dict[str, Any]) -> bool:
        nonlocal changed, known
        if status["groups"]["slow"]["events"] != known:
            changed, known = time.monotonic(), status["groups"]["slow"]["events"]
        return time.monotonic() - changed > _SILENCE

    stage.until(quiet, "reading again", deadline=time.monotonic() + _PATIENCE)
