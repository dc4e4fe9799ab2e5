"""Where an outbox's bytes leave: straight into the kernel, encrypted or not, or through a Twisted transport.

Shapes of one thing. `send` takes what can go now and says how much that was. `wait` asks to be called
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

from .tls import TlsTransport

__all__ = ["SocketWire", "TlsWire", "TransportWire", "Wire", "limit_silence", "wire_for"]


class Wire(Protocol):
    """What an outbox writes to."""

    pulls: bool

    def attach(self, producer: IPushProducer) -> bool:
        """Begin; whether there is nothing unsent before us."""

    def sender(self) -> Callable[[bytes], int]:
        """What sends now, and tells how many bytes were taken. Raises `OSError` when none can be.

        When some were not taken, `wait` is next, and the first that is given to `write` are those.
        """

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


class TlsWire:
    """A TLS connection: like `SocketWire`, and what is sent is encrypted on the way.

    Bytes that were encrypted cannot be taken back. When the kernel does not take all of the ciphertext the rest
    goes to the transport's buffer, and the outbox is told that nothing was taken, so that it knows that it is
    blocked; the same bytes come again and are skipped.
    """

    __slots__ = ("_ahead", "_tls")

    pulls = True

    def __init__(self, transport: TlsTransport) -> None:
        self._tls = transport
        self._ahead = 0
        """Bytes encrypted that will come again."""

    def attach(self, producer: IPushProducer) -> bool:
        return self._tls.drained()

    def sender(self) -> Callable[[bytes], int]:
        return self._send

    def _send(self, data: bytes) -> int:
        tls = self._tls
        if tls.disconnecting:  # nobody reads it; to wait for room would keep the connection from ending
            return len(data)
        if not tls.drained():  # OpenSSL had something of its own to say
            return 0
        ciphertext = tls.encrypted(data)
        try:
            sent = tls.tcp.socket.send(ciphertext)
        except OSError:
            sent = 0
        if sent == len(ciphertext):
            return len(data)
        tls.tcp.write(ciphertext[sent:] if sent else ciphertext)
        self._ahead = len(data)
        return 0

    def write(self, data: bytes) -> None:
        ahead = self._ahead
        if ahead:
            self._ahead = max(0, ahead - len(data))
            data = data[ahead:]
        self._tls.queue(data)

    def wait(self, producer: IPushProducer) -> None:
        self._tls.registerProducer(producer, False)

    def drained(self) -> bool:
        return self._tls.drained()

    def rest(self) -> None:
        self._tls.unregisterProducer()

    def lose(self) -> None:
        self._tls.loseConnection()


class TransportWire:
    """Any other transport, such as a connection in memory: it buffers, and says when it has enough."""

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
    if isinstance(transport, TlsTransport):
        return TlsWire(transport)
    if isinstance(transport, Connection) and not transport.TLS:
        return SocketWire(transport)
    return TransportWire(transport)


def limit_silence(transport: Any, seconds: float) -> None:
    """Let the kernel end a TCP connection whose peer has taken none of our bytes for so long.

    It makes no difference between a peer that is dead and one that lives and does not read.
    """
    if isinstance(transport, TlsTransport):
        transport = transport.tcp
    handle = transport.getHandle() if isinstance(transport, Connection) else None
    if handle is not None and handle.family in {AF_INET, AF_INET6} and hasattr(socket, "TCP_USER_TIMEOUT"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
