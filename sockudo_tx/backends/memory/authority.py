"""The authority in memory: every shared transition of the apps it holds, each in one step.

Used directly in one process, where every call answers at once, and by the hub for its workers. Time enters only through
the clock. Source: scaling.md 5.1, 6.4, 6.6, 6.8, 6.9.
"""

from __future__ import annotations

import secrets
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ...interfaces import (
    ChannelCounts,
    Due,
    Dues,
    IAuthority,
    IAuthorityListener,
    Joined,
    Lease,
    NodeFacts,
    Parted,
    PresenceChange,
    Snapshot,
    UserChange,
)
from ...protocol.names import PRESENCE_PREFIX
from .counting import CountPaces
from .fencing import Fenced

__all__ = ["MemoryAuthority"]

_GLANCES = 20
"""So many entries of other nodes are passed over in the time that removing one takes."""


class _Presence:
    """Members of one presence channel; `users` is in join order."""

    __slots__ = ("sockets", "tabs", "users", "version")

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        """user id -> user_info of the user's first connection"""
        self.tabs: dict[str, int] = {}
        """user id -> sockets"""
        self.sockets: dict[str, tuple[str, str]] = {}
        """socket id -> (node, user id)"""
        self.version = 0
        """version of the channel's last change"""


class _App:
    __slots__ = ("connections", "presence", "subscriptions", "users")

    def __init__(self) -> None:
        self.connections: dict[str, int] = {}
        """node -> open connections"""
        self.subscriptions: dict[str, dict[str, int]] = {}
        """channel -> node -> subscribers"""
        self.presence: dict[str, _Presence] = {}
        self.users: dict[str, dict[str, str]] = {}
        """signed-in user -> socket id -> node"""

    def empty(self) -> bool:
        return not (self.connections or self.subscriptions or self.presence or self.users)


# What reading finds where there is nothing; never written to.
_NO_PRESENCE = _Presence()
_NO_APP = _App()


@implementer(IAuthority)
class MemoryAuthority:
    """All cluster state of `driver: local`. `grace` seconds pass between a disappearance and its `Due`.

    Leases do not expire: whoever sees a node's connection end reaps it.
    """

    def __init__(self, clock: IReactorTime, grace: float = 3.0) -> None:
        self.epoch = secrets.token_hex(8)
        self._clock = clock
        self._grace = grace
        self._apps: dict[str, _App] = {}
        self._version = 0
        # Grace is the same for all, so insertion order is due order. An OrderedDict finds its first at once, however
        # many went before it.
        self._graces: OrderedDict[str, float] = OrderedDict()
        self._paces = CountPaces()
        self._fenced = Fenced()
        self._walks: dict[str, Iterator[bool]] = {}
        """node -> where reaping it has got to"""
        self._listeners: list[IAuthorityListener] = []

    def listen(self, listener: IAuthorityListener) -> None:
        self._listeners.append(listener)

    def tables(self) -> dict[str, int]:
        """Entries per table, for tests and the console: all zero when nobody is connected."""
        return {
            "authority.apps": len(self._apps),
            "authority.graces": len(self._graces),
            "authority.paces": len(self._paces),
            "authority.walks": len(self._walks),
        }

    # Connections

    def conn_open(self, app_id: str, node: str, limit: int) -> bool:
        app = self._apps.get(app_id)
        if limit and app is not None and sum(app.connections.values()) >= limit:
            return False
        app = app or self._app(app_id)
        app.connections[node] = app.connections.get(node, 0) + 1
        return True

    def conn_close(self, app_id: str, node: str, count: int) -> None:
        app = self._app(app_id)
        left = app.connections.get(node, 0) - count
        if left > 0:
            app.connections[node] = left
        else:
            app.connections.pop(node, None)
        self._tidy(app_id, app)

    # Channels

    def occupy(self, app_id: str, channel: str, node: str) -> bool:
        nodes = self._app(app_id).subscriptions.setdefault(channel, {})
        first = not nodes
        nodes.setdefault(node, 1)  # until it says how many; whoever asks now is told of an occupied channel
        return first and self._graces.pop(_grace_key(app_id, channel), None) is None

    def vacate(self, app_id: str, channel: str, node: str) -> None:
        app = self._app(app_id)
        nodes = app.subscriptions.get(channel)
        if nodes is not None and nodes.pop(node, None) is not None:
            key = _grace_key(app_id, channel)
            if not nodes:
                del app.subscriptions[channel]
                self._start_grace(key)
            if self._paces:
                self._paces.changed(key, sum(nodes.values()), self._clock.seconds())
        self._tidy(app_id, app)

    def count(
        self,
        app_id: str,
        channel: str,
        node: str,
        subscriptions: int,
        pace: float | None = None,
        newcomer: bool = False,
    ) -> int:
        app = self._apps.get(app_id)
        nodes = app.subscriptions.get(channel) if app is not None else None
        if nodes is None:
            return 0
        if node in nodes:
            nodes[node] = subscriptions
        total = sum(nodes.values())
        if pace is not None:
            key = _grace_key(app_id, channel)
            self._paces.want(key, app_id, channel, pace, newcomer=newcomer, total=total)
            self._paces.changed(key, total, self._clock.seconds())
        elif self._paces:
            self._paces.drop(_grace_key(app_id, channel))
        return total

    # Presence

    def join(
        self, app_id: str, channel: str, node: str, socket_id: str, user_id: str, user_info: str, limit: int
    ) -> Joined:
        app = self._app(app_id)
        presence = app.presence.get(channel, _NO_PRESENCE)
        if socket_id in presence.sockets:
            return Joined("dup", version=presence.version)
        if limit and user_id not in presence.users and len(presence.users) >= limit:
            self._tidy(app_id, app)
            return Joined("limit", version=presence.version)
        if presence is _NO_PRESENCE:
            presence = app.presence[channel] = _Presence()
        presence.sockets[socket_id] = (node, user_id)
        presence.tabs[user_id] = presence.tabs.get(user_id, 0) + 1
        if presence.tabs[user_id] > 1:
            return Joined("ok", version=presence.version)
        presence.users[user_id] = user_info
        returned = self._graces.pop(_grace_key(app_id, channel, user_id), None) is not None
        self._publish(app_id, channel, presence, True, user_id, user_info)
        return Joined("ok", True, not returned, presence.version)

    def part(self, app_id: str, channel: str, node: str, socket_id: str) -> Parted:
        app = self._app(app_id)
        presence = app.presence.get(channel, _NO_PRESENCE)
        owner, user_id = presence.sockets.get(socket_id, ("", ""))
        if owner != node:
            self._tidy(app_id, app)
            return Parted(False, presence.version)
        del presence.sockets[socket_id]
        presence.tabs[user_id] -= 1
        last = presence.tabs[user_id] == 0
        if last:
            del presence.tabs[user_id]
            del presence.users[user_id]
            self._start_grace(_grace_key(app_id, channel, user_id))
            self._publish(app_id, channel, presence, False, user_id, "")
        if not presence.sockets:
            app.presence.pop(channel, None)
        self._tidy(app_id, app)
        return Parted(last, presence.version)

    def snapshot(self, app_id: str, channel: str) -> Snapshot:
        presence = self._presence(app_id, channel)
        return Snapshot(self.epoch, presence.version, dict(presence.users))

    def versions(self, channels: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
        apps = self._apps
        return [
            (self.epoch, apps.get(app_id, _NO_APP).presence.get(name, _NO_PRESENCE).version)
            for app_id, name in channels
        ]

    # Reading

    def counts(self, app_id: str, channel: str) -> ChannelCounts:
        return _counts(self._apps.get(app_id, _NO_APP), channel)

    def channels(self, app_id: str, prefix: str) -> dict[str, ChannelCounts]:
        app = self._apps.get(app_id, _NO_APP)
        return {name: _counts(app, name) for name in app.subscriptions if name.startswith(prefix)}

    def names(self, app_id: str, prefix: str) -> list[str]:
        """Those of the channels that `channels` tells of."""
        return [name for name in self._apps.get(app_id, _NO_APP).subscriptions if name.startswith(prefix)]

    def totals(self) -> dict[str, tuple[int, int, int, int]]:
        """Of each app: users signed in, channels, and of these the presence channels and all their members."""
        return {
            app_id: (
                len(app.users),
                len(app.subscriptions),
                len(app.presence),
                sum(len(presence.users) for presence in app.presence.values()),
            )
            for app_id, app in self._apps.items()
        }

    # Users

    def user_up(self, app_id: str, user_id: str, node: str, socket_id: str) -> bool:
        sockets = self._app(app_id).users.setdefault(user_id, {})
        first = not sockets
        sockets[socket_id] = node
        if first:
            self._tell_user(UserChange(app_id, user_id, True))
        return first

    def user_down(self, app_id: str, user_id: str, node: str, socket_id: str) -> bool:
        app = self._app(app_id)
        sockets = app.users.get(user_id, {})
        mine = sockets.get(socket_id) == node
        if mine:
            del sockets[socket_id]
        last = mine and not sockets
        if last:
            del app.users[user_id]
            self._tell_user(UserChange(app_id, user_id, False))
        self._tidy(app_id, app)
        return last

    def online(self, app_id: str, user_ids: Iterable[str]) -> set[str]:
        users = self._apps.get(app_id, _NO_APP).users
        return {user_id for user_id in user_ids if user_id in users}

    def user_connections(self, app_id: str, user_id: str) -> int:
        return len(self._apps.get(app_id, _NO_APP).users.get(user_id, ()))

    # Time

    def due(self, most: int = sys.maxsize, final: bool = False) -> Dues:
        now = self._clock.seconds()
        found: list[Due] = []
        graces, paces = self._graces, self._paces
        if final:
            paces.forget()
        at: float | None = None
        while True:
            grace, count = next(iter(graces.values()), None), paces.first()
            counting = grace is None or (count is not None and count < grace)
            at = count if counting else grace
            if at is None or len(found) >= most or (at > now and not final):
                break
            if not counting:
                found.append(_due(graces.popitem(last=False)[0]))
                continue
            key, app_id, channel = paces.pop()
            nodes = self._apps.get(app_id, _NO_APP).subscriptions.get(channel, {})
            due = paces.told(key, sum(nodes.values()), occupied=bool(nodes))
            if due is not None:
                found.append(due)
        return Dues(found, None if at is None else 0.0 if final else max(0.0, at - now))

    # Nodes

    def lease(self, node: str, ttl: float) -> Lease:
        return Lease(self.epoch, self._fenced.has(node, self._clock.seconds()))

    def reap(self, node: str, most: int = 200) -> int:
        if node not in self._walks:
            self._fenced.add(node, self._clock.seconds())
            self._walks[node] = self._removing(node)
        work = most * _GLANCES
        for removed in self._walks[node]:
            work -= _GLANCES if removed else 1
            if work <= 0:
                return 1
        del self._walks[node]
        return 0

    def register(self, node: str, facts: NodeFacts) -> None:
        for app_id, connections in facts.connections.items():
            app = self._app(app_id)
            app.connections[node] = connections
            if not connections:
                del app.connections[node]
                self._tidy(app_id, app)
        for app_id, channel, subscribers in facts.channels:
            self.occupy(app_id, channel, node)
            self._app(app_id).subscriptions[channel][node] = subscribers
        for member in facts.members:
            self._register_member(node, *member)
        for app_id, user_id, socket_id in facts.users:
            self._app(app_id).users.setdefault(user_id, {})[socket_id] = node

    def _register_member(self, node: str, app_id: str, channel: str, socket_id: str, user_id: str, info: str) -> None:
        """Who compares versions sees that something has changed, and the next change says that one was missed."""
        presence = self._app(app_id).presence.setdefault(channel, _Presence())
        owner, known = presence.sockets.get(socket_id, ("", None))
        if known is not None and known != user_id:  # what is registered is how it is now
            self.part(app_id, channel, owner, socket_id)
            presence = self._app(app_id).presence.setdefault(channel, presence)
            known = None
        presence.sockets[socket_id] = (node, user_id)
        if known is None:
            presence.tabs[user_id] = presence.tabs.get(user_id, 0) + 1
        if user_id not in presence.users:
            presence.users[user_id] = info
            self._graces.pop(_grace_key(app_id, channel, user_id), None)
            self._version += 1
            presence.version = self._version

    def _removing(self, node: str) -> Iterator[bool]:
        """Remove the node's facts one by one; False for an entry that is none of them.

        There is no index of a node's facts: it would cost every join and every subscription, and a node is lost
        rarely. Names are copied, which is fast, and looked up again, for everything may have changed in between.
        """
        for app_id in list(self._apps):
            if node in self._apps.get(app_id, _NO_APP).connections:
                del self._apps[app_id].connections[node]
                yield True
            for channel in list(self._apps.get(app_id, _NO_APP).presence):
                for socket_id in list(self._presence(app_id, channel).sockets):
                    mine = self._presence(app_id, channel).sockets.get(socket_id, ("",))[0] == node
                    if mine:
                        self.part(app_id, channel, node, socket_id)
                    yield mine
                yield False
            for channel in list(self._apps.get(app_id, _NO_APP).subscriptions):
                mine = node in self._apps.get(app_id, _NO_APP).subscriptions.get(channel, ())
                if mine:
                    self.vacate(app_id, channel, node)
                yield mine
            for user_id in list(self._apps.get(app_id, _NO_APP).users):
                for socket_id in list(self._apps.get(app_id, _NO_APP).users.get(user_id, ())):
                    mine = self._apps.get(app_id, _NO_APP).users.get(user_id, {}).get(socket_id) == node
                    if mine:
                        self.user_down(app_id, user_id, node, socket_id)
                    yield mine
            if app_id in self._apps:
                self._tidy(app_id, self._apps[app_id])
            yield False

    def _start_grace(self, key: str) -> None:
        self._graces[key] = self._clock.seconds() + self._grace
        self._graces.move_to_end(key)

    def _publish(
        self, app_id: str, channel: str, presence: _Presence, joined: bool, user_id: str, user_info: str
    ) -> None:
        self._version += 1
        previous, presence.version = presence.version, self._version
        change = PresenceChange(app_id, channel, self.epoch, previous, presence.version, joined, user_id, user_info)
        for listener in self._listeners:
            listener.presence_changed(change)

    def _tell_user(self, change: UserChange) -> None:
        for listener in self._listeners:
            listener.user_changed(change)

    def _presence(self, app_id: str, channel: str) -> _Presence:
        return self._apps.get(app_id, _NO_APP).presence.get(channel, _NO_PRESENCE)

    def _app(self, app_id: str) -> _App:
        app = self._apps.get(app_id)
        if app is None:
            app = self._apps[app_id] = _App()
        return app

    def _tidy(self, app_id: str, app: _App) -> None:
        if app.empty():
            self._apps.pop(app_id, None)


def _grace_key(app_id: str, channel: str, user_id: str | None = None) -> str:
    """One text, which the garbage collector never looks at. As tuples they would all be young when a crowd has left,
    which frees more than it makes, and then be looked at in one go: 8 ms for 30,000 [measured]."""
    whose = "" if user_id is None else f"={user_id}"
    return f"{len(app_id)} {len(channel)} {app_id}{channel}{whose}"


def _due(key: str) -> Due:
    app_size, channel_size, text = key.split(" ", 2)
    end = int(app_size)
    app_id, rest = text[:end], text[end:]
    end = int(channel_size)
    channel, whose = rest[:end], rest[end:]
    if whose:
        return Due(app_id, "member_removed", channel, whose[1:])
    return Due(app_id, "channel_vacated", channel, None)


def _counts(app: _App, channel: str) -> ChannelCounts:
    subscriptions = sum(app.subscriptions.get(channel, {}).values())
    users = len(app.presence.get(channel, _NO_PRESENCE).users) if channel.startswith(PRESENCE_PREFIX) else None
    return ChannelCounts(subscriptions, users)
