"""`publish`: requests to the REST API, one event or a batch each."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from ..flow import Flow, lead
from ..options import LOAD
from ..plans import Group
from ..stage import Stage
from ..told import PUBLISHED, Told
from .fanout import channels, publisher

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = LOAD


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """One subscriber, who proves that the events arrive; as fast as the server answers."""
    parser.set_defaults(connections=1, in_flight=32, rate=math.inf)


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED.plus("requests_per_second", "events_per_second", "server_cpu_us_per_request")


def play(stage: Stage) -> None:
    """Publishes and tells requests a second and their latency: from when they were due, or with --rate max sent."""
    options = stage.options
    stage.hire(options.connections)
    names = channels(options)
    subscribers = Group(name="subscribers", count=options.connections, channels=names)
    stage.open(subscribers)
    flow = Flow(stage, publisher(options, names, lead()), [subscribers])
    flow.run_and_tell()
    stage.main = "publish"
    answered = flow.times["delivery"].count if "delivery" in flow.times else 0
    stage.figures["requests_per_second"] = round(answered / flow.seconds, 1)
    stage.figures["events_per_second"] = round((stage.figures["published"] or 0) / flow.seconds, 1)
    if answered and (cost := flow.server_cpu_ns) is not None:
        stage.figures["server_cpu_us_per_request"] = round(cost / answered / 1e3, 2)
