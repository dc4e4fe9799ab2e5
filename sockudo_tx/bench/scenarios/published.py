"""`published`: the benchmark that servers of this kind are quoted with.

500 connections arrive evenly over 190 seconds on one channel, to which 10 events a second are published over REST; the
delay of each delivery is measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..cures import cured
from ..flow import Flow, lead
from ..options import LOAD, duration, pause
from ..plans import Group, Window
from ..stage import Stage
from ..told import PUBLISHED, Told
from .fanout import channels, publisher

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = LOAD - {"--duration", "--warmup"}


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """How long the ramp is."""
    parser.set_defaults(connections=500, rate=10.0)
    parser.add_argument("--duration", type=pause, default=0.0, metavar="TIME", help="after the ramp (default 0s)")
    parser.add_argument("--ramp", type=duration, default=190.0, metavar="TIME", help="(default %(default)gs)")
    parser.add_argument("--short", action="store_true", help="a tenth of the ramp: 19 s")


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED.plus("connected")


def play(stage: Stage) -> None:
    """Publishes from the first connection to the last, and on for --duration if that is given."""
    options = stage.options
    ramp = options.ramp / 10 if options.short else options.ramp
    stage.finite_rate()
    stage.hire(options.connections)
    names = channels(options)
    start = lead()
    clients = Group(
        name="clients",
        count=options.connections,
        channels=names,
        whole=False,
        start=start,
        rate=options.connections / ramp,
    )
    seconds = ramp + options.duration
    windows = [Window("delivery", start, start + round((seconds + 1) * 1e9))]
    stage.open(clients, wait=False)
    flow = Flow(stage, publisher(options, names, start, seconds=seconds), [clients], windows=windows)
    flow.run_and_tell()
    report = flow.reports["clients"]
    stage.figures["connected"] = report["arrived"]
    stage.figures["refused"] = (stage.figures["refused"] or 0) + report["failed"].total()
    stage.notes += [
        f"{count:,} clients were refused: {cured(reason)}" for reason, count in report["failed"].most_common(3)
    ]
