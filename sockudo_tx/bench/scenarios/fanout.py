"""`fanout`: events published over REST, each to all subscribers of its channel."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

from ..flow import Flow, lead
from ..options import LOAD
from ..plans import Group, Source
from ..schedule import Schedule
from ..stage import Stage
from ..told import PUBLISHED, Told

__all__ = ["TAKES", "add_options", "channels", "play", "publisher", "tells"]

TAKES = LOAD


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Nothing but what all have."""


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED


def play(stage: Stage) -> None:
    """Subscribes all, publishes on schedule, waits for the last delivery."""
    options = stage.options
    stage.hire(options.connections)
    names = channels(options)
    subscribers = Group(name="subscribers", count=options.connections, channels=names)
    stage.open(subscribers)
    Flow(stage, publisher(options, names, lead()), [subscribers]).run_and_tell()


def channels(options: argparse.Namespace, prefix: str = "bench") -> tuple[str, ...]:
    """The channels' names."""
    return tuple(f"{prefix}-{index}" for index in range(min(options.channels, options.connections)))


def publisher(
    options: argparse.Namespace,
    names: tuple[str, ...],
    start: int,
    *,
    together: int = 1,
    seconds: float = 0.0,
    **more: Any,
) -> Source:
    """Publishing over REST as the options have it, for so many seconds or warm-up and duration; `more` is of the
    source."""
    schedule = Schedule(
        rate=1.0 if options.rate == math.inf else options.rate,
        seconds=seconds or options.warmup + options.duration,
        together=max(together, options.batch),
        poisson=options.arrivals == "poisson",
        seed=options.seed,
    )
    return Source(
        schedule=schedule,
        start=start,
        flat_out=options.rate == math.inf,
        channels=names,
        size=options.size,
        in_flight=options.in_flight,
        batch=options.batch,
        **more,
    )
