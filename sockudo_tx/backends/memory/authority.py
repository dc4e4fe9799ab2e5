"""The authority in memory: every shared transition of the apps it holds, each in one step.

Used directly in one process, where every call answers at once, and by the hub for its workers. Time enters only through
the clock. Source: scaling.md 5.1, 6.4, 6.6, 6.8, 6.9.
"""

from __future__ import annotations

import secrets
import sys
from collections import OrderedDict
from collections.abc import Iterable, Sequence

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
from .counting import CountPaces
from .fencing import Fenced
from .removal import Removal
from .tables import NO_APP, NO_PRESENCE, AppTable, PresenceTable, counts_of, due_of, grace_key

__all__ = ["MemoryAuthority"]


@implementer(IAuthority)
class MemoryAuthority:
    """All cluster state of `driver: local`. `grace` seconds pass between a disappearance and its `Due`.

    Leases do not expire: whoever sees a node's connection end reaps it.
    """

    def __init__(self, clock: IReactorTime, grace: float = 3.0) -> None:
        self.epoch = secrets.token_hex(8)
        self._clock = clock
        self._grace = grace
        self._apps: dict[str, AppTable] = {}
        self._version = 0
        # Grace is the same for all, so insertion order is due order. An OrderedDict finds its first at once, however
        # many went before it.
        self._graces: OrderedDict[str, float] = OrderedDict()
        self._paces = CountPaces()
        self._fenced = Fenced()
        self._removals: dict[str, Removal] = {}
        """By node, those that are under way."""
        self._listeners: list[IAuthorityListener] = []

    def listen(self, listener: IAuthorityListener) -> None:
        self._listeners.append(listener)

    def tables(self) -> dict[str, int]:
        """Entries per table, for tests and the console: all zero when nobody is connected."""
        return {
            "authority.apps": len(self._apps),
            "authority.graces": len(self._graces),
            "authority.paces": len(self._paces),
            "authority.removals": len(self._removals),
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
        return first and self._graces.pop(grace_key(app_id, channel), None) is None

    def vacate(self, app_id: str, channel: str, node: str) -> None:
        app = self._app(app_id)
        nodes = app.subscriptions.get(channel)
        if nodes is not None and nodes.pop(node, None) is not None:
            key = grace_key(app_id, channel)
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
            key = grace_key(app_id, channel)
            self._paces.want(key, app_id, channel, pace, newcomer=newcomer, total=total)
            self._paces.changed(key, total, self._clock.seconds())
        elif self._paces:
            self._paces.drop(grace_key(app_id, channel))
        return total

    # Presence

    def join(
        self, app_id: str, channel: str, node: str, socket_id: str, user_id: str, user_info: str, limit: int
    ) -> Joined:
        app = self._app(app_id)
        presence = app.presence.get(channel, NO_PRESENCE)
        if socket_id in presence.sockets:
            return Joined("dup", version=presence.version)
        if limit and user_id not in presence.users and len(presence.users) >= limit:
            self._tidy(app_id, app)
            return Joined("limit", version=presence.version)
        if presence is NO_PRESENCE:
            presence = app.presence[channel] = PresenceTable()
        presence.sockets[socket_id] = (node, user_id)
        presence.tabs[user_id] = presence.tabs.get(user_id, 0) + 1
        if presence.tabs[user_id] > 1:
            return Joined("ok", version=presence.version)
        presence.users[user_id] = user_info
        returned = self._graces.pop(grace_key(app_id, channel, user_id), None) is not None
        self._publish(app_id, channel, presence, True, user_id, user_info)
        return Joined("ok", True, not returned, presence.version)

    def part(self, app_id: str, channel: str, node: str, socket_id: str) -> Parted:
        app = self._app(app_id)
        presence = app.presence.get(channel, NO_PRESENCE)
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
            self._start_grace(grace_key(app_id, channel, user_id))
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
            (self.epoch, apps.get(app_id, NO_APP).presence.get(name, NO_PRESENCE).version) for app_id, name in channels
        ]

    # Reading

    def counts(self, app_id: str, channel: str) -> ChannelCounts:
        return counts_of(self._apps.get(app_id, NO_APP), channel)

    def channels(self, app_id: str, prefix: str) -> dict[str, ChannelCounts]:
        app = self._apps.get(app_id, NO_APP)
        return {name: counts_of(app, name) for name in app.subscriptions if name.startswith(prefix)}

    def names(self, app_id: str, prefix: str) -> list[str]:
        """Those of the channels that `channels` tells of."""
        return [name for name in self._apps.get(app_id, NO_APP).subscriptions if name.startswith(prefix)]

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
        users = self._apps.get(app_id, NO_APP).users
        return {user_id for user_id in user_ids if user_id in users}

    def user_connections(self, app_id: str, user_id: str) -> int:
        return len(self._apps.get(app_id, NO_APP).users.get(user_id, ()))

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
                found.append(due_of(graces.popitem(last=False)[0]))
                continue
            key, app_id, channel = paces.pop()
            nodes = self._apps.get(app_id, NO_APP).subscriptions.get(channel, {})
            due = paces.told(key, sum(nodes.values()), occupied=bool(nodes))
            if due is not None:
                found.append(due)
        return Dues(found, None if at is None else 0.0 if final else max(0.0, at - now))

    def untold(self, dues: Iterable[Due]) -> None:
        """Whoever these totals were given to has ended, perhaps without a word: subscribers are told again."""
        for each in dues:
            nodes = self._apps.get(each.app_id, NO_APP).subscriptions.get(each.channel, {})
            self._paces.again(grace_key(each.app_id, each.channel), sum(nodes.values()), self._clock.seconds())

    # Nodes

    def lease(self, node: str, ttl: float) -> Lease:
        return Lease(self.epoch, self._fenced.has(node, self._clock.seconds()))

    def reap(self, node: str, most: int = 200) -> int:
        removal = self._removals.get(node)
        if removal is None:
            self._fenced.add(node, self._clock.seconds())
            removal = self._removals[node] = Removal(self, self._apps, node)
        if removal.some(most):
            return 1
        del self._removals[node]
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
        presence = self._app(app_id).presence.setdefault(channel, PresenceTable())
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
            self._graces.pop(grace_key(app_id, channel, user_id), None)
            self._version += 1
            presence.version = self._version

    def _start_grace(self, key: str) -> None:
        self._graces[key] = self._clock.seconds() + self._grace
        self._graces.move_to_end(key)

    def _publish(
        self, app_id: str, channel: str, presence: PresenceTable, joined: bool, user_id: str, user_info: str
    ) -> None:
        self._version += 1
        previous, presence.version = presence.version, self._version
        change = PresenceChange(app_id, channel, self.epoch, previous, presence.version, joined, user_id, user_info)
        for listener in self._listeners:
            listener.presence_changed(change)

    def _tell_user(self, change: UserChange) -> None:
        for listener in self._listeners:
            listener.user_changed(change)

    def _presence(self, app_id: str, channel: str) -> PresenceTable:
        return self._apps.get(app_id, NO_APP).presence.get(channel, NO_PRESENCE)

    def _app(self, app_id: str) -> AppTable:
        app = self._apps.get(app_id)
        if app is None:
            app = self._apps[app_id] = AppTable()
        return app

    def _tidy(self, app_id: str, app: AppTable) -> None:
        if app.empty():
            self._apps.pop(app_id, None)
