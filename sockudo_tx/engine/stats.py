"""Totals for `/stats` (http-api.md 5.8), read from the live tables: of this node, and of several together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .registry import Registry
from .tables import AppSpace

__all__ = ["AppStats", "Distinct", "Stats", "stats_of", "together"]


class AppStats(NamedTuple):
    """One app, on one node or on several."""

    connections: int
    authenticated_connections: int
    users: int
    channels: int
    subscriptions: int
    presence_channels: int
    presence_subscriptions: int
    presence_members: int


class Distinct(NamedTuple):
    """What several nodes may have of the same, counted once."""

    users: int
    channels: int
    presence_channels: int
    presence_members: int


_NOTHING = AppStats(*[0] * len(AppStats._fields))


class Stats(NamedTuple):
    """Every app with a connection or channel, by id, and their sum."""

    apps: dict[str, AppStats]
    totals: AppStats


def stats_of(registry: Registry) -> Stats:
    """Walks every channel: for people, not for every request."""
    return _stats({app_id: _app(space) for app_id, space in registry.apps.items()})


def together(nodes: Iterable[Mapping[str, AppStats]], distinct: Mapping[str, Distinct]) -> Stats:
    """Of the apps on several nodes: what is on more than one of them counts once, as `distinct` tells."""
    apps: dict[str, AppStats] = {}
    for node in nodes:
        for app_id, stats in node.items():
            apps[app_id] = _sum([apps.get(app_id, _NOTHING), stats])
    for app_id in apps.keys() & distinct.keys():
        apps[app_id] = apps[app_id]._replace(**distinct[app_id]._asdict())
    return _stats(apps)


def _stats(apps: dict[str, AppStats]) -> Stats:
    return Stats(apps, _sum([_NOTHING, *apps.values()]))


def _sum(parts: Iterable[AppStats]) -> AppStats:
    return AppStats(*map(sum, zip(*parts, strict=True)))


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
