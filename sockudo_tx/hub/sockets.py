"""The sockets that workers accept from: opened once by their parent, before any fork, inherited by each of them.

    a TCP port      a socket for each slot, all on one port, dealt out evenly by the kernel (SO_REUSEPORT)
    anything else   one socket for all: of Unix, passed by systemd, or on systems that do not deal out

The parent keeps all of them: what has come in for a worker that was killed waits for the one that follows it, and a
reload closes no port. Source: scaling.md 7.1, 7.3.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from twisted.internet.protocol import Factory

from ..config.schema import Config
from ..listening import (
    BACKLOG,
    DEALS_OUT,
    Address,
    PassedListener,
    PassedSockets,
    SocketListener,
    TcpListener,
    UnixListener,
    redirect_listener,
)

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorSocket

__all__ = ["ListeningSockets"]

_NOBODY = Factory()
"""Our listeners are opened and closed, and never started: they ask neither factory nor reactor."""
_NOWHERE = cast("IReactorSocket", None)


class ListeningSockets:
    """What clients of all workers come in by. Metrics are not among it: their parent serves them."""

    def __init__(self, config: Config, workers: int, passed: PassedSockets) -> None:
        self._sharers = workers if DEALS_OUT else 1
        self._main = self._main_listener(config, passed)
        self._listeners: dict[str, SocketListener] = {"main": self._main}
        over_tcp = passed.main_over_tcp if passed.main else not config.unix_socket.enabled
        if config.ssl.enabled and config.ssl.redirect_http and over_tcp:
            self._listeners["redirect"] = redirect_listener(
                _NOWHERE, _NOBODY, config.host, config.ssl.redirect_port, self._sharers
            )
        self._silent: set[int] = set()
        """Slots whose sockets do not listen."""

    def open(self) -> None:
        """Bind and listen. Raises `ListenError`; what a server can do without is warned of."""
        for listener in self._listeners.values():  # clients' first: the other one must not take their port
            listener.open()

    @property
    def addresses(self) -> list[Address]:
        """Where clients come in, each once."""
        return list(dict.fromkeys(self._main.addresses))

    def for_slot(self, slot: int) -> list[tuple[str, socket.socket]]:
        """What the worker of this slot, from 0 on, accepts from, with what each is for (a field of `PassedSockets`)."""
        if slot in self._silent:
            self._silent.discard(slot)
            for opened in self._own(slot):
                opened.listen(BACKLOG)
        return [(role, opened) for role in self._listeners for opened in self._part(role, slot)]

    def silence(self, slot: int) -> None:
        """Nobody serves this slot any more: its part of the clients go to the others, until it is asked for again."""
        if slot not in self._silent:
            self._silent.add(slot)
            for opened in self._own(slot):
                opened.shutdown(socket.SHUT_RDWR)

    def give_to(self, uid: int | None, gid: int | None) -> None:
        """The process will go on as this user and group: let them keep the file of a Unix socket."""
        for listener in self._listeners.values():
            listener.give_to(uid, gid)

    def close(self) -> None:
        """Nobody comes any more, once the workers have closed theirs. Removes the file of a Unix socket."""
        for listener in self._listeners.values():
            listener.close()

    def _main_listener(self, config: Config, passed: PassedSockets) -> SocketListener:
        if passed.main:
            return PassedListener(_NOWHERE, _NOBODY, passed.main)
        if config.unix_socket.enabled:
            return UnixListener(_NOWHERE, _NOBODY, config.unix_socket.path, config.unix_socket.mode)
        return TcpListener(_NOWHERE, _NOBODY, config.host, config.port, self._sharers)

    def _dealt_out(self, role: str) -> bool:
        return self._sharers > 1 and isinstance(self._listeners[role], TcpListener)

    def _part(self, role: str, slot: int) -> Sequence[socket.socket]:
        """Of these sockets the slot's own one, or all where they are for everybody."""
        sockets = self._listeners[role].sockets
        return sockets[slot :: self._sharers] if self._dealt_out(role) else sockets

    def _own(self, slot: int) -> list[socket.socket]:
        """The sockets that no other slot has."""
        return [opened for role in self._listeners if self._dealt_out(role) for opened in self._part(role, slot)]
