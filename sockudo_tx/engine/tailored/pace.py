"""When messages are full on all nodes at once: while there is only one node, its own count decides."""

from __future__ import annotations

from zope.interface import implementer

from ...interfaces import IDeltaPace

__all__ = ["OwnPace"]


@implementer(IDeltaPace)
class OwnPace:
    """The pace of a node that is alone, with `cluster_coordination` or without."""

    def count(self, app_id: str, channel: str, key: str, interval: int) -> bool | None:
        return None
