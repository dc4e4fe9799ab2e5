"""Every figure of the suite, in the order it is printed; each is a file of its own."""

from __future__ import annotations

from ..harness.figure import Figure
from . import client_event, connect, publish, rest

__all__ = ["FIGURES"]

FIGURES: tuple[Figure, ...] = (
    publish.FIGURE,
    rest.FIGURE,
    connect.FIGURE,
    client_event.FIGURE,
)
