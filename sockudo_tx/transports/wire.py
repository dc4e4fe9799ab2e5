"""Where an outbox's bytes leave: straight into the kernel, or through a Twisted transport.

Two shapes of one thing. `send` takes what can go now and says how much that was. `wait` asks to be called
when the rest can go: a wire that `pulls` calls `resumeProducing` each time its backlog is gone, the other kind
calls `pauseProducing` when it has enough and `resumeProducing` when it wants more.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from socket import AF_INET, AF_INET6
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection

__all__ = ["SocketWire", "TransportWire", "Wire", "limit_silence", "wire_for"]


class Wire(Protocol):
    """What an outbox writes to."""

    pulls: bool

    def attach(self, producer: IPushProducer) -> bool:
        """Begin; whether there is nothing unsent before us."""

    def sender(self) -> Callable[[bytes], int]:
        """What sends now, and tells how many bytes were taken. Raises `OSError` when none can be."""

    def write(self, data: bytes) -> None:
        """Send when the backlog is gone."""

    def wait(self, producer: IPushProducer) -> None:
        """Call `producer` from now on, possibly before this returns."""

    def drained(self) -> bool:
        """Whether everything handed over so far is in the kernel."""

    def rest(self) -> None:
        """Stop calling the producer."""

    def lose(self) -> None:
        """Close the connection once what was written is sent."""


class SocketWire:
    """A plain TCP or UNIX connection: one `send` while nothing is queued, Twisted's buffer for what is left.

    Registers its producer only while it is blocked, and takes it away when the queue is empty:
    `loseConnection` never completes while a pull producer is registered.
    """

    __slots__ = ("_transport",)

    pulls = True

    def __init__(self, transport: Connection) -> None:
        self._transport = transport

    def attach(self, producer: IPushProducer) -> bool:
        return self.drained()

    def sender(self) -> Callable[[bytes], int]:
        return self._transport.socket.send

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def wait(self, producer: IPushProducer) -> None:
        self._transport.registerProducer(producer, False)

    def drained(self) -> bool:
        transport = self._transport
        return not transport._tempDataBuffer and transport.offset == len(transport.dataBuffer)

    def rest(self) -> None:
        self._transport.unregisterProducer()

    def lose(self) -> None:
        self._transport.loseConnection()


class TransportWire:
    """Any other transport (TLS, a connection in memory): it buffers, and says when it has enough."""

    __slots__ = ("_transport",)

    pulls = False

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def attach(self, producer: IPushProducer) -> bool:
        self._transport.registerProducer(producer, True)
        return True

    def sender(self) -> Callable[[bytes], int]:
        return self._send

    def _send(self, data: bytes) -> int:
        self._transport.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def wait(self, producer: IPushProducer) -> None:
        """It is registered already."""

    def drained(self) -> bool:
        return True

    def rest(self) -> None:
        """It stays registered until the connection is lost."""

    def lose(self) -> None:
        self._transport.unregisterProducer()
        self._transport.loseConnection()


def wire_for(transport: Any) -> Wire:
    """The quickest wire this transport allows."""
    if isinstance(transport, Connection) and not transport.TLS:
        return SocketWire(transport)
    return TransportWire(transport)


def limit_silence(transport: Any, seconds: float) -> None:
    """Let the kernel end a TCP connection whose peer has taken none of our bytes for so long.

    It makes no difference between a peer that is dead and one that lives and does not read.
    """
    handle = transport.getHandle() if isinstance(transport, Connection) else None
    if handle is not None and handle.family in {AF_INET, AF_INET6} and hasattr(socket, "TCP_USER_TIMEOUT"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
