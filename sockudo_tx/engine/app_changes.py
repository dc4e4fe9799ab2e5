"""What becomes of connections when their app's record changes under them (protocol.md D22, decisions.md 51)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.logger import Logger

from ..interfaces import BackendError, IApps
from ..protocol import errors
from ..protocol.app import App
from ..protocol.errors import PeerError
from .answers import ask
from .connections import Connections
from .registry import Registry
from .repeats import Repeats
from .tables import AppSpace, Socket

__all__ = ["AppChanges"]

_DISMISS_WITHIN = 5.0
"""Seconds in which the connections of an app that is no more are closed."""


class AppChanges:
    """Asks the store again about every app that has connections here."""

    _log = Logger()

    def __init__(self, registry: Registry, apps: IApps, connections: Connections, repeats: Repeats) -> None:
        self._registry = registry
        self._apps = apps
        self._connections = connections
        self._repeats = repeats
        self._ended: dict[str, Callable[[], PeerError]] = {}
        """app id -> why its connections are being closed"""

    def take_up(self) -> None:
        """Records have changed: limits hold for connections that are there; those of an app that is gone or disabled
        are closed. An app that comes back meanwhile keeps those that have not been closed yet."""
        spaces = self._registry.apps
        self._ended = {app_id: why for app_id, why in self._ended.items() if app_id in spaces}
        for space in list(spaces.values()):
            ask(partial(self._apps.by_id, space.app.id), partial(self._changed, space), self._unknown)

    def _changed(self, space: AppSpace, app: App | None) -> None:
        if app is not None and app.enabled:
            self._ended.pop(app.id, None)
            space.app = app
            return
        self._ended[space.app.id] = errors.app_not_found if app is None else errors.app_disabled
        self._connections.dismiss(space.sockets.values(), _DISMISS_WITHIN, self._end_of)

    def _end_of(self, socket: Socket) -> PeerError | None:
        why = self._ended.get(socket.app_id)
        return None if why is None else why()

    def _unknown(self, error: BackendError) -> None:
        if self._repeats.due("app"):
            self._log.warn("whether an app has changed is not known: {error}", error=str(error))
