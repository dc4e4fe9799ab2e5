"""What a node among several has to tell of the others (scaling.md 15)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...engine.server import Engine
from . import families as f
from .families import Family
from .sources import Sample, pieces

__all__ = ["cluster_samples", "mirror_samples"]

_DROPPED = ("frames", "bytes", "age", "full")
_RESYNCS = ("gap", "audit", "bus", "epoch", "fenced", "late")
_CHANNELS = 1000


def cluster_samples(engine: Engine, dropped: int) -> Iterator[list[Sample]]:
    """What it has seen of the bus; `dropped` frames were given to that, and it had no room for them."""
    tally = engine.cluster_tally
    if tally is None:
        return
    yield [
        (f.BUS_PUBLISHED, (), tally.published),
        (f.BUS_RECEIVED, (), tally.received),
        (f.BUS_IGNORED, (), tally.ignored.total() + tally.duplicates),
        (f.BUS_GAPS, (), tally.gaps),
        (f.BUS_OUTAGES, (), tally.outages),
        (f.FENCED, (), tally.registrations["fenced"]),
        *_by_reason(f.BUS_DROPPED, _DROPPED, {**tally.dropped, "full": dropped}),
        *_by_reason(f.RESYNCS, _RESYNCS, tally.resyncs),
    ]


def _by_reason(family: Family, usual: Sequence[str], counts: Mapping[str, int]) -> list[Sample]:
    """Zero for those that did not happen yet: who looks for the first one needs something to compare it with."""
    return [(family, (reason,), count) for reason, count in {**dict.fromkeys(usual, 0), **counts}.items()]


def mirror_samples(engine: Engine) -> Iterator[list[Sample]]:
    """Member lists that are kept."""
    count = 0
    for space in list(engine.registry.apps.values()):
        for piece in pieces(list(space.channels.values()), _CHANNELS):
            count += sum(channel.mirror is not None for channel in piece)
            yield []
    yield [(f.MIRRORS, (), count)]
