"""The sinks of many sockets, as they are pushed to: by framing, and kept between two broadcasts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ..interfaces import ChainedSinks, IFraming, ISink

if TYPE_CHECKING:
    from .tables import Socket

__all__ = ["CROWD", "Audience", "audience_of", "without", "without_all"]

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
    return tuple([(framing, ChainedSinks(sinks) if chained else tuple(sinks)) for framing, sinks in kinds.items()])


def without(audience: Audience, excluded: Socket) -> Audience:
    """The audience without this one, who is in it."""
    left = []
    sink = excluded.sink
    for framing, sinks in audience:
        if framing is sink.framing:
            place = sinks.index(sink)
            kind, sinks = type(sinks), sinks[:place] + sinks[place + 1 :]
            left.append((framing, sinks if kind is tuple else kind(sinks)))
        else:
            left.append((framing, sinks))
    return tuple(left)


def without_all(audience: Audience, excluded: Collection[Socket]) -> Audience:
    """The audience without these, all of whom are in it."""
    if len(excluded) <= _FEW:
        for socket in excluded:
            audience = without(audience, socket)
        return audience
    gone = {socket.sink for socket in excluded}
    return tuple([(framing, type(sinks)([sink for sink in sinks if sink not in gone])) for framing, sinks in audience])
