"""The sinks of many sockets, as they are pushed to: by framing, and kept between two broadcasts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..interfaces import Chain, IFraming, ISink

if TYPE_CHECKING:
    from .tables import Socket

__all__ = ["CROWD", "Audience", "audience_of", "without"]

CROWD = 16
"""Sinks from which an audience is worth keeping, and a frame worth sharing."""
_FEW = 4

Audience = tuple[tuple[IFraming, tuple[ISink, ...]], ...]
"""Sinks in the order of their subscriptions, for each framing among them."""


def audience_of(sockets: Iterable[Socket], *, chained: bool = False) -> Audience:
    """The sinks of these sockets; `chained` when what they get builds upon what they got."""
    kinds: dict[IFraming, list[ISink]] = {}
    for socket in sockets:
        kinds.setdefault(socket.sink.framing, []).append(socket.sink)
    return tuple([(framing, Chain(sinks) if chained else tuple(sinks)) for framing, sinks in kinds.items()])


def without(audience: Audience, excluded: Iterable[Socket]) -> Audience:
    """The audience without these, all of which are in it."""
    gone: dict[IFraming, list[ISink]] = {}
    for socket in excluded:
        gone.setdefault(socket.sink.framing, []).append(socket.sink)
    return tuple([(framing, _less(sinks, gone.get(framing, ()))) for framing, sinks in audience])


def _less(sinks: tuple[ISink, ...], gone: Iterable[ISink]) -> tuple[ISink, ...]:
    kind = type(sinks)
    gone = list(gone)
    if len(gone) > _FEW:
        missing = set(gone)
        return kind([sink for sink in sinks if sink not in missing])
    left = sinks
    for sink in gone:
        place = left.index(sink)
        left = left[:place] + left[place + 1 :]
    return left if left is sinks else kind(left)
