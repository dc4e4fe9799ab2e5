"""Who this process is among those that share channels with it."""

from __future__ import annotations

import secrets

__all__ = ["Node"]


REMEMBERED = 8
"""Ids it had."""


class Node:
    """A process that owns connections. Whoever tells the authority of them reads `id` each time."""

    __slots__ = ("earlier", "id")

    def __init__(self, node_id: str | None = None) -> None:
        self.id = node_id or secrets.token_hex(8)
        self.earlier: tuple[str, ...] = ()
        """The last ids under which it was taken for dead."""

    def rename(self) -> None:
        """Another id: the one it had is dead to the others."""
        self.earlier = (*self.earlier[-REMEMBERED + 1 :], self.id)
        self.id = secrets.token_hex(8)
