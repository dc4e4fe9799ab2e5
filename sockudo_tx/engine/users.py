"""Signed-in users: their sockets, and those who watch them (protocol.md 14, 15)."""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from ..interfaces import BackendError, IAuthority, UserChange
from ..protocol import messages
from .answers import ask
from .broadcast import deliver_control, send
from .cluster.interest import Interest
from .cluster.topics import user_topic
from .node import Node
from .registry import Registry
from .repeats import Repeats
from .tables import AppSpace, Socket

__all__ = ["Users"]

BATCH = 1000
"""Users asked for at once."""

Key = tuple[str, str]
"""App id and user."""


class Users:
    """Binds sockets to users; online and offline are the authority's first and last.

    With other nodes, `interest` has their frames come, and of each watched user is known what watchers were told last.
    """

    _log = Logger()

    def __init__(
        self,
        registry: Registry,
        authority: IAuthority,
        node: Node,
        repeats: Repeats,
        interest: Interest | None = None,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._node = node
        self._repeats = repeats
        self._interest = interest
        self._asking: dict[Socket, dict[str, bool]] = {}
        """who waits for the states of its watchlist -> what changed meanwhile"""
        self._told: dict[Key, bool] = {}
        """watched user -> whether watchers take it for online; only with other nodes"""

    def sign_in(self, socket: Socket, user_id: str) -> Deferred[None] | None:
        """Register the socket under the user. Afterwards it gets all that is sent to him, and the others know of it."""
        space = socket.space
        assert space is not None
        wait = None
        if self._interest is not None and socket not in space.users.get(user_id, ()):
            wait = self._interest.hold(user_topic(space.app.id, user_id))
        self._registry.bind(space.users, user_id, socket)
        if wait is not None:
            return wait.addCallback(lambda _: self._up(socket, space, user_id))
        return self._up(socket, space, user_id)

    def _up(self, socket: Socket, space: AppSpace, user_id: str) -> Deferred[None] | None:
        if socket.session is None:
            return None  # gone while the bus was waited for
        return ask(
            lambda: self._authority.user_up(space.app.id, user_id, self._node.id, socket.id),
            lambda _: None,
            self._lost,
        )

    def watch(self, socket: Socket, space: AppSpace, watchlist: tuple[str, ...]) -> Deferred[None] | None:
        """Put this watchlist in place of any other, and tell who of it is online.

        After `sign_in`: a user that watches itself learns of itself once, in the status.
        """
        interest, app_id = self._interest, space.app.id
        waits = [interest.hold(user_topic(app_id, user_id)) for user_id in watchlist] if interest is not None else []
        self._unwatch(space, socket)
        socket.watching = watchlist
        for user_id in watchlist:
            self._registry.bind(space.watchers, user_id, socket)
        if not watchlist:
            return None
        heard = self._asking[socket] = {}

        def status(online: set[str]) -> None:
            if self._asking.get(socket) is not heard:
                return
            del self._asking[socket]
            states = {user_id: heard.get(user_id, user_id in online) for user_id in watchlist}
            if interest is not None:
                self._learn(space, states, but=socket)
            send(
                socket,
                messages.watchlist_events(
                    [user_id for user_id in watchlist if states[user_id]],
                    [user_id for user_id in watchlist if not states[user_id]],
                ),
            )

        def lost(error: BackendError) -> None:
            if self._asking.get(socket) is heard:
                del self._asking[socket]
            self._lost(error)

        def look(_: object = None) -> Deferred[None] | None:
            return ask(lambda: self._authority.online(app_id, watchlist), status, lost)

        pending = [wait for wait in waits if wait is not None]
        return DeferredList(pending).addCallback(look) if pending else look()

    def gone(self, socket: Socket, space: AppSpace, user_id: str | None) -> None:
        """The socket is leaving; `user_id` is who it was signed in as."""
        self._unwatch(space, socket)
        if user_id is not None:
            if self._interest is not None and socket in space.users.get(user_id, ()):
                self._interest.release(user_topic(space.app.id, user_id))
            self._registry.unbind(space.users, user_id, socket)
            ask(
                lambda: self._authority.user_down(space.app.id, user_id, self._node.id, socket.id),
                lambda _: None,
                self._lost,
            )

    def changed(self, change: UserChange) -> None:
        """Tell every watcher of the user."""
        space = self._registry.apps.get(change.app_id)
        watchers = space.watchers.get(change.user_id) if space is not None else None
        if space is not None and watchers:
            if self._interest is not None:
                key = change.app_id, change.user_id
                repeated = self._told.get(key) is change.online
                self._told[key] = change.online
            else:
                repeated = False
            self._tell(space, change.user_id, change.online, watchers, repeated=repeated)

    def compare(self) -> None:
        """Changes may have been missed: ask for all watched users, and tell the differences."""
        for space in self._registry.apps.values():
            watched = list(space.watchers)
            for start in range(0, len(watched), BATCH):
                self._compare(space, watched[start : start + BATCH])

    def _compare(self, space: AppSpace, users: list[str]) -> None:
        ask(
            lambda: self._authority.online(space.app.id, users),
            lambda online: self._learn(space, {user_id: user_id in online for user_id in users}),
            self._lost,
        )

    def _learn(self, space: AppSpace, states: dict[str, bool], but: Socket | None = None) -> None:
        """What the authority says now; watchers who were told otherwise are told."""
        for user_id, online in states.items():
            watchers = space.watchers.get(user_id)
            key = space.app.id, user_id
            if watchers and self._told.get(key) is not online:
                known = key in self._told
                self._told[key] = online
                if known:
                    others = [socket for socket in watchers if socket is not but]
                    self._tell(space, user_id, online, others)

    def _tell(
        self, space: AppSpace, user_id: str, online: bool, watchers: Collection[Socket], *, repeated: bool = False
    ) -> None:
        told: Collection[Socket] = watchers
        if self._asking:
            for socket in watchers:
                if socket in self._asking:
                    self._asking[socket][user_id] = online
            told = [socket for socket in watchers if socket not in self._asking]
        if told and not repeated:
            text = messages.watchlist_events([user_id], ()) if online else messages.watchlist_events((), [user_id])
            deliver_control(told, text, space.tally)

    def _unwatch(self, space: AppSpace, socket: Socket) -> None:
        self._asking.pop(socket, None)
        for user_id in socket.watching:
            self._registry.unbind(space.watchers, user_id, socket)
            if self._interest is not None:
                self._interest.release(user_topic(space.app.id, user_id))
                if user_id not in space.watchers:
                    self._told.pop((space.app.id, user_id), None)
        socket.watching = ()

    def _lost(self, error: BackendError) -> None:
        if self._repeats.due("user"):
            self._log.warn("shared user state is unavailable: {error}", error=str(error))
