"""`fanout`: events published over REST, each to all subscribers of its channel."""

from __future__ import annotations

import argparse

from ..flow import Flow, lead
from ..plans import Group, Source
from ..schedule import Schedule
from ..stage import Stage

__all__ = ["add_options", "channels", "play", "publisher"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Nothing but what all have."""


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


def publisher(options: argparse.Namespace, names: tuple[str, ...], start: int, together: int = 1) -> Source:
    """Publishing over REST as the options have it, warm-up included."""
    schedule = Schedule(
        rate=options.rate,
        seconds=options.warmup + options.duration,
        together=max(together, options.batch),
        poisson=options.arrivals == "poisson",
        seed=options.seed,
    )
    return Source(
        schedule=schedule,
        start=start,
        channels=names,
        size=options.size,
        in_flight=options.in_flight,
        batch=options.batch,
    )
