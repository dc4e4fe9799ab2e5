"""Signed-in users: their sockets, and those who watch them (protocol.md 14, 15)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import BackendError, IAuthority, UserChange
from ..protocol import messages
from ..protocol.effects import Signin
from .answers import ask
from .broadcast import deliver_control, send
from .registry import Registry
from .tables import AppSpace, Socket

__all__ = ["Users"]


class Users:
    """Binds sockets to users; online and offline are the authority's first and last."""

    _log = Logger()

    def __init__(self, registry: Registry, authority: IAuthority, node: str) -> None:
        self._registry = registry
        self._authority = authority
        self._node = node

    def sign_in(self, socket: Socket, effect: Signin) -> Deferred[None] | None:
        """Register the socket under the user and tell it who of its watchlist is online."""
        space = socket.space
        assert space is not None
        app_id = space.app.id
        self._registry.bind(space.users, effect.user_id, socket)
        later: list[Deferred[None] | None] = []

        def up(_: bool) -> None:
            # Only now: a user that watches itself learns of itself once, in the status.
            if socket.session is not None:
                later.append(self._watch(socket, space, effect.watchlist))

        def down(error: BackendError) -> None:
            self._lost(error)
            up(False)

        wait = ask(lambda: self._authority.user_up(app_id, effect.user_id, self._node, socket.id), up, down)
        if wait is not None:
            return wait.addCallback(lambda _: later[0] if later else None)
        return later[0] if later else None

    def _watch(self, socket: Socket, space: AppSpace, watchlist: tuple[str, ...]) -> Deferred[None] | None:
        """Put this watchlist in place of any other, and tell who of it is online."""
        self._unwatch(space, socket)
        socket.watching = watchlist
        for user_id in watchlist:
            self._registry.bind(space.watchers, user_id, socket)
        if not watchlist:
            return None

        def status(online: set[str]) -> None:
            if socket.session is not None:
                offline = [user_id for user_id in watchlist if user_id not in online]
                send(socket, messages.watchlist_events([u for u in watchlist if u in online], offline))

        return ask(lambda: self._authority.online(space.app.id, watchlist), status, self._lost)

    def gone(self, socket: Socket, space: AppSpace, user_id: str | None) -> None:
        """The socket is leaving; `user_id` is who it was signed in as."""
        self._unwatch(space, socket)
        if user_id is not None:
            self._registry.unbind(space.users, user_id, socket)
            ask(
                lambda: self._authority.user_down(space.app.id, user_id, self._node, socket.id),
                lambda _: None,
                self._lost,
            )

    def changed(self, change: UserChange) -> None:
        """Tell every watcher of the user."""
        space = self._registry.apps.get(change.app_id)
        watchers = space.watchers.get(change.user_id) if space is not None else None
        if space is not None and watchers:
            user = [change.user_id]
            text = messages.watchlist_events(user, ()) if change.online else messages.watchlist_events((), user)
            deliver_control(watchers, text, space.tally)

    def _unwatch(self, space: AppSpace, socket: Socket) -> None:
        for user_id in socket.watching:
            self._registry.unbind(space.watchers, user_id, socket)
        socket.watching = ()

    def _lost(self, error: BackendError) -> None:
        self._log.warn("shared user state is unavailable: {error}", error=str(error))
