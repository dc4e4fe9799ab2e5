"""Who this process is among those that share channels with it."""

from __future__ import annotations

import secrets
from collections import Counter

__all__ = ["Node"]


REMEMBERED = 8
"""Ids it had."""


class Node:
    """A process that owns connections. Whoever tells the authority of them reads `id` each time."""

    __slots__ = ("coming", "earlier", "id", "registered")

    def __init__(self, node_id: str | None = None) -> None:
        self.id = node_id or secrets.token_hex(8)
        self.earlier: tuple[str, ...] = ()
        """The last ids under which it was taken for dead."""
        self.coming: Counter[str] = Counter()
        """Connections of each app that the authority was asked for and has not decided about."""
        self.registered = 0
        """How often all that is true here was told at once, connections that were coming included."""

    def rename(self) -> None:
        """Another id: the one it had is dead to the others."""
        self.earlier = (*self.earlier[-REMEMBERED + 1 :], self.id)
        self.id = secrets.token_hex(8)
