"""What this node knows by itself, for when nobody else can be asked (scaling.md 6.10)."""

from __future__ import annotations

from ..interfaces import ChannelCounts
from .registry import Registry
from .tables import Channel

__all__ = ["LocalView"]


class LocalView:
    """Answers as the authority does, out of this node's tables: others' connections are missing.

    Members of presence channels are those of all nodes, as far as they were told of, where somebody here is among them.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def counts(self, app_id: str, channel: str) -> ChannelCounts:
        space = self._registry.apps.get(app_id)
        found = space.channels.get(channel) if space is not None else None
        return ChannelCounts(0, None) if found is None else _counts(found)

    def channels(self, app_id: str, prefix: str) -> dict[str, ChannelCounts]:
        space = self._registry.apps.get(app_id)
        if space is None:
            return {}
        return {name: _counts(channel) for name, channel in space.channels.items() if name.startswith(prefix)}

    def members(self, app_id: str, channel: str) -> list[str]:
        space = self._registry.apps.get(app_id)
        found = space.channels.get(channel) if space is not None else None
        return [] if found is None or found.mirror is None else list(found.mirror.members)

    def user_connections(self, app_id: str, user_id: str) -> int:
        space = self._registry.apps.get(app_id)
        return len(space.users.get(user_id, ())) if space is not None else 0


def _counts(channel: Channel) -> ChannelCounts:
    users = len(channel.mirror.members) if channel.mirror is not None else None
    return ChannelCounts(len(channel.subscribers), users)
