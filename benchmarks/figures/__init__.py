"""Every figure of the suite, in the order it is printed; each is a file of its own."""

from __future__ import annotations

from .. import micro
from ..harness.figure import Figure
from . import (
    batch,
    client_event,
    connect,
    crossing,
    crowd,
    cut,
    delta_bytes,
    delta_cpu,
    delta_memory,
    deltas,
    endpoints,
    filters,
    idle,
    lone,
    memory,
    publish,
    published,
    respawn,
    rest,
    saturation,
    slow,
    tags,
    tls,
    workers,
)

__all__ = ["FIGURES"]

FIGURES: tuple[Figure, ...] = (
    publish.FIGURE,
    batch.FIGURE,
    saturation.FIGURE,
    crowd.FIGURE,
    tls.FIGURE,
    rest.FIGURE,
    connect.FIGURE,
    cut.FIGURE,
    endpoints.FIGURE,
    client_event.FIGURE,
    published.FIGURE,
    slow.FIGURE,
    lone.FIGURE,
    memory.FIGURE,
    idle.FIGURE,
    filters.FIGURE,
    deltas.FIGURE,
    delta_bytes.FIGURE,
    delta_cpu.FIGURE,
    delta_memory.FIGURE,
    tags.FIGURE,
    workers.FIGURE,
    crossing.FIGURE,
    respawn.FIGURE,
    micro.FIGURE,
)
