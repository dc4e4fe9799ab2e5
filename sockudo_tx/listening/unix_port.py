"""A Unix socket that is open already, in the reactor.

Twisted's `adoptStreamPort` would set the file's mode to 666, delete the file at the end whoever it belongs to by then,
and shut the socket down for everybody who shares it.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

__all__ = ["UnixPort"]


class _Nameless(socket.socket):
    """Accepts peers without asking what path they are bound to: Twisted takes one of four letters for IPv6."""

    def accept(self) -> tuple[socket.socket, Any]:
        accepted, _ = super().accept()
        return accepted, ""


class _Connection(unix.Server):
    """Reads and writes bytes only. Descriptors that a peer sends along are closed by the kernel, unseen."""

    doRead = tcp.Connection.doRead  # type: ignore[assignment]  # typed looser above it
    writeSomeData = tcp.Connection.writeSomeData


class UnixPort(unix.Port):
    """Listens, and has nothing to do with the file."""

    transport = _Connection

    @classmethod
    def adopt(cls, opened: socket.socket, factory: IProtocolFactory, reactor: Any) -> UnixPort:
        """Accept from this socket, which does not block and stays open when we stop."""
        port = cls(b"", factory, reactor=reactor)
        port._preexistingSocket = _Nameless(fileno=socket.dup(opened.fileno()))
        port.startListening()
        return port

    def startListening(self) -> None:
        opened, self._preexistingSocket = self._preexistingSocket, None
        assert opened is not None
        assert self.factory is not None
        tcp._reservedFD.reserve()
        self.factory.doStart()
        self.socket = opened
        self.fileno = opened.fileno  # type: ignore[method-assign]  # Twisted's way
        self._shouldShutdown = False
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        tcp.Port.connectionLost(self, reason)
