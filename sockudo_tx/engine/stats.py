"""This node's totals for `/stats` (http-api.md 5.8), read from the live tables."""

from __future__ import annotations

from typing import NamedTuple

from .registry import Registry
from .tables import AppSpace

__all__ = ["AppStats", "Stats", "stats_of"]


class AppStats(NamedTuple):
    """One app on this node."""

    connections: int
    authenticated_connections: int
    users: int
    channels: int
    subscriptions: int
    presence_channels: int
    presence_subscriptions: int
    presence_members: int


class Stats(NamedTuple):
    """Every app with a connection or channel here, by id, and their sum."""

    apps: dict[str, AppStats]
    totals: AppStats


def stats_of(registry: Registry) -> Stats:
    """Walks every channel: for people, not for every request."""
    apps = {app_id: _app(space) for app_id, space in registry.apps.items()}
    totals = AppStats(*map(sum, zip(*apps.values(), strict=True))) if apps else AppStats(*[0] * 8)
    return Stats(apps, totals)


def _app(space: AppSpace) -> AppStats:
    channels = space.channels.values()
    presence = [channel for channel in channels if channel.name.presence]
    return AppStats(
        connections=len(space.sockets),
        authenticated_connections=sum(map(len, space.users.values())),
        users=len(space.users),
        channels=len(channels),
        subscriptions=sum(len(channel.subscribers) for channel in channels),
        presence_channels=len(presence),
        presence_subscriptions=sum(len(channel.subscribers) for channel in presence),
        presence_members=sum(len(channel.mirror.members) for channel in presence if channel.mirror is not None),
    )
