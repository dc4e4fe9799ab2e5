"""The attributes a caller asked for with `info`: `user_count` and `subscription_count` of a channel."""

from __future__ import annotations

from collections.abc import Collection

from ...engine.server import Engine
from ...interfaces import ChannelCounts
from ...protocol.names import PRESENCE_PREFIX, ChannelName
from .waiting import settled

__all__ = ["attributes", "counted", "user_counts"]


async def attributes(engine: Engine, app_id: str, channel: str, info: Collection[str]) -> dict[str, int]:
    """Those of the wanted attributes that this channel has, cluster-wide, now."""
    if "user_count" not in info and "subscription_count" not in info:
        return {}
    return counted(channel, await user_counts(engine, app_id, ChannelName.of(channel)), info)


async def user_counts(engine: Engine, app_id: str, name: ChannelName) -> ChannelCounts:
    """Counts of a channel; a user's own channel counts the user's signed-in connections."""
    if name.user_id is not None:
        return ChannelCounts(await settled(engine.user_connections(app_id, name.user_id)), None)
    return await settled(engine.counts(app_id, name.text))


def counted(channel: str, counts: ChannelCounts, info: Collection[str]) -> dict[str, int]:
    """The wanted attributes out of these counts; only presence channels count users."""
    found = {}
    if "user_count" in info and channel.startswith(PRESENCE_PREFIX):
        found["user_count"] = counts.users or 0
    if "subscription_count" in info:
        found["subscription_count"] = counts.subscriptions
    return found
