"""`churn`: connections that come and go while events flow to others, who must lose nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..cures import cured
from ..flow import Flow, lead
from ..options import LOAD, duration, steady
from ..plans import Group
from ..stage import Stage
from ..told import PUBLISHED, Told, percentiles
from .fanout import channels, publisher

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = LOAD


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """How many come and go."""
    parser.add_argument(
        "--churn", type=steady, default=20.0, metavar="RATE", help="that come a second (default %(default)g)"
    )
    parser.add_argument(
        "--stay", type=duration, default=1.0, metavar="TIME", help="before they go (default %(default)gs)"
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED.plus("came", *percentiles("subscribed_"), latencies=("subscribed",))


def play(stage: Stage) -> None:
    """Publishes to those who stay, and on the same channels to those who come and go."""
    options = stage.options
    passing = round(options.churn * (options.warmup + options.duration))
    stage.hire(options.connections + round(options.churn * (options.stay + 1)), at_once=passing)
    names = channels(options)
    staying = Group(name="staying", count=options.connections, channels=names)
    stage.open(staying)
    start = lead()
    coming = Group(
        name="coming", count=passing, channels=names, whole=False, start=start, rate=options.churn, stay=options.stay
    )
    stage.open(coming, wait=False)
    flow = Flow(stage, publisher(options, names, start), [staying], bystanders=[coming])
    flow.run_and_tell()
    report = flow.reports["coming"]
    stage.figures["came"] = report["arrived"]
    stage.figures["refused"] = (stage.figures["refused"] or 0) + report["failed"].total()
    stage.figures["disconnected"] = (stage.figures["disconnected"] or 0) + report["dropped"].total()
    for reason, count in (*report["failed"].most_common(3), *report["dropped"].most_common(3)):
        stage.notes.append(f"{count:,} of those who come and go were turned away: {cured(reason)}")
    stage.merge("subscribed", [report["times"]["subscribed"]])
    stage.percentiles("subscribed", "subscribed_")
