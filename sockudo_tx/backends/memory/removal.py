"""Everything of a node is taken back that is gone (scaling.md 6.12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...interfaces import IAuthority
from .tables import NO_APP, NO_PRESENCE, AppTable

__all__ = ["Removal"]

_GLANCES = 20
"""So many entries of other nodes are passed over in the time that removing one takes."""


class Removal:
    """Of one node's facts out of these tables, each as if the node took it back, so many at a time.

    There is no index of a node's facts: it would cost every join and every subscription, and a node is lost rarely.
    Names are copied, which is fast, and looked up again, for everything may have changed in between.
    """

    def __init__(self, authority: IAuthority, apps: dict[str, AppTable], node: str) -> None:
        self._authority = authority
        self._apps = apps
        self._node = node
        self._steps = self._all()

    def some(self, most: int) -> bool:
        """Remove up to so many; whether there may be more."""
        work = most * _GLANCES
        for removed in self._steps:
            work -= _GLANCES if removed else 1
            if work <= 0:
                return True
        return False

    def _all(self) -> Iterator[bool]:
        """False for an entry that is none of the node's."""
        for app_id in list(self._apps):
            if self._node in self._app(app_id).connections:
                self._authority.conn_close(app_id, self._node, self._app(app_id).connections[self._node])
                yield True
            yield from self._members(app_id)
            yield from self._subscriptions(app_id)
            yield from self._users(app_id)
            yield False

    def _members(self, app_id: str) -> Iterator[bool]:
        for channel in list(self._app(app_id).presence):
            for socket_id in list(self._sockets(app_id, channel)):
                mine = self._sockets(app_id, channel).get(socket_id, ("",))[0] == self._node
                if mine:
                    self._authority.part(app_id, channel, self._node, socket_id)
                yield mine
            yield False

    def _subscriptions(self, app_id: str) -> Iterator[bool]:
        for channel in list(self._app(app_id).subscriptions):
            mine = self._node in self._app(app_id).subscriptions.get(channel, ())
            if mine:
                self._authority.vacate(app_id, channel, self._node)
            yield mine

    def _users(self, app_id: str) -> Iterator[bool]:
        for user_id in list(self._app(app_id).users):
            for socket_id in list(self._app(app_id).users.get(user_id, ())):
                mine = self._app(app_id).users.get(user_id, {}).get(socket_id) == self._node
                if mine:
                    self._authority.user_down(app_id, user_id, self._node, socket_id)
                yield mine

    def _app(self, app_id: str) -> AppTable:
        return self._apps.get(app_id, NO_APP)

    def _sockets(self, app_id: str, channel: str) -> Mapping[str, tuple[str, str]]:
        return self._app(app_id).presence.get(channel, NO_PRESENCE).sockets
