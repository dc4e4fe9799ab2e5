"""The life of a listener, whatever kind of socket it has: opened early, adopted by the reactor at start."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorSocket

from .address import Address, address_of
from .unix_port import UnixPort

if TYPE_CHECKING:
    from twisted.internet.protocol import ServerFactory

__all__ = ["BACKLOG", "SocketListener"]

BACKLOG = 4096
"""What the kernel may hold for us while a turn is busy; it cuts this to net.core.somaxconn. After a restart all clients
come back within a second or two."""


class SocketListener(Service):
    """Accepts connections for a factory. `open` may come long before `startService`, and before a fork."""

    def __init__(
        self, reactor: IReactorSocket, factory: IProtocolFactory, unix_factory: IProtocolFactory | None = None
    ) -> None:
        self._reactor = reactor
        self._factory = factory
        self._unix_factory = unix_factory or factory
        self._sockets: list[socket.socket] = []
        self._ports: list[IListeningPort] = []

    @property
    def addresses(self) -> list[Address]:
        """Where we listen; empty before `open`. With port 0 configured, the port the kernel chose."""
        return [address_of(opened) for opened in self._sockets]

    @property
    def address(self) -> Address:
        """The first of them."""
        return self.addresses[0]

    @property
    def sockets(self) -> list[socket.socket]:
        """What is open."""
        return list(self._sockets)

    def open(self) -> None:
        """Binds and listens; connections wait in the kernel. Raises `ListenError`."""
        if not self._sockets:
            self._sockets = self._opened()

    def give_to(self, uid: int | None, gid: int | None) -> None:
        """The process will go on as this user and group: let them keep what we made. For sockets that have a file."""

    def _opened(self) -> list[socket.socket]:
        """Listening sockets that do not block. Raises `ListenError`."""
        raise NotImplementedError

    def _closed(self) -> None:
        """Our sockets are closing: leave nothing behind."""

    def privilegedStartService(self) -> None:
        self.open()

    def startService(self) -> None:
        super().startService()
        self.open()
        self._ports = [self._adopt(opened) for opened in self._sockets]

    def _adopt(self, opened: socket.socket) -> IListeningPort:
        if opened.family == socket.AF_UNIX:
            return UnixPort.adopt(opened, self._unix_factory, self._reactor)
        factory = cast("ServerFactory[Any]", self._factory)  # narrower in Twisted's annotation than in its interface
        return self._reactor.adoptStreamPort(opened.fileno(), opened.family, factory)

    def close(self) -> None:
        """Let go of the sockets: for one that does not start, and before it stops."""
        if self._sockets:
            self._closed()
        while self._sockets:
            self._sockets.pop().close()

    def stopService(self) -> Deferred[None]:
        """Stop accepting; open connections live on."""
        super().stopService()
        self.close()
        ports, self._ports = self._ports, []
        stopped = [port.stopListening() for port in ports]
        return gatherResults([done for done in stopped if done is not None]).addCallback(lambda _: None)
