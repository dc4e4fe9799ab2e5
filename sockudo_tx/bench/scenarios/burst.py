"""`burst`: many events at one moment, then a pause, again and again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..flow import Flow, lead
from ..options import LOAD, duration, whole
from ..plans import Group
from ..stage import Stage
from ..told import PUBLISHED, Told
from .fanout import channels, publisher

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = LOAD - {"--rate"}

_MOST = 100_000


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """How many and how often; they make the rate."""
    parser.set_defaults(in_flight=32)
    parser.add_argument(
        "--burst", type=whole(_MOST), default=50, metavar="N", help="events at once (default %(default)s)"
    )
    parser.add_argument("--every", type=duration, default=1.0, metavar="TIME", help="a burst (default %(default)gs)")


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED


def play(stage: Stage) -> None:
    """Like fanout. A latency counts from the moment the whole burst was due."""
    options = stage.options
    options.rate = options.burst / options.every
    stage.hire(options.connections)
    names = channels(options)
    subscribers = Group(name="subscribers", count=options.connections, channels=names)
    stage.open(subscribers)
    source = publisher(options, names, lead(), together=options.burst)
    Flow(stage, source, [subscribers]).run_and_tell()
