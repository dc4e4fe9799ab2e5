"""Ids of nodes that were taken for dead (scaling.md 6.12)."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Fenced"]

_REMEMBERED = 3600.0
"""Seconds."""
_MOST = 10_000


class Fenced:
    """Remembers each for an hour; of more than 10,000 the last."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, float] = OrderedDict()

    def add(self, node: str, now: float) -> None:
        self._since.setdefault(node, now)
        while len(self._since) > _MOST or now - next(iter(self._since.values())) >= _REMEMBERED:
            self._since.popitem(last=False)

    def has(self, node: str, now: float) -> bool:
        since = self._since.get(node)
        return since is not None and now - since < _REMEMBERED
