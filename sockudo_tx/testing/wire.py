"""A TCP connection in memory: what a protocol sees as its transport, and the far end a test holds.

Bytes cross in a later turn of the clock, as they do through a kernel: a server is never called back out
of its own `write`. Closing behaves as Twisted's own transports do: what was written before is delivered,
reading stops at once, `connectionLost` comes in a later turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["MemoryWire"]


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryWire:
    """One connection to a factory. `reader` gets what the server writes, `ended` hears of its end."""

    disconnecting = False
    connected = True

    def __init__(
        self,
        clock: IReactorTime,
        factory: Factory,
        reader: Callable[[bytes], None],
        ended: Callable[[], None],
        client: tuple[str, int] = ("127.0.0.1", 50000),
    ) -> None:
        self._clock = clock
        self._reader = reader
        self._ended = ended
        self._peer = (IPv6Address if ":" in client[0] else IPv4Address)("TCP", *client)
        self._host = IPv4Address("TCP", "127.0.0.1", 6001)
        self._to_client: list[bytes] = []
        self._to_server: list[bytes] = []
        self._reading = True
        self._scheduled = False
        self.producer: Any = None
        self.protocol: Any = factory.buildProtocol(self._peer)
        if self.protocol is None:  # a factory that refuses closes the connection
            self.connected = False
            clock.callLater(0, ended)
        else:
            self.protocol.makeConnection(self)

    # The far end, for tests.

    def feed(self, data: bytes) -> None:
        """Send these bytes to the server; it sees them at once unless it has stopped reading."""
        self._to_server.append(data)
        self._drain()

    def cut(self, clean: bool = False) -> None:
        """Lose the connection: a reset, or with `clean` an end of file. Bytes under way are lost."""
        self._to_client.clear()
        self._lose(ConnectionDone() if clean else ConnectionLost())

    # The near end, for the server: ITransport and ITCPTransport.

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"a transport takes bytes, not {type(data).__name__}")
        if self.connected:
            self._to_client.append(data)
            if not self._scheduled:
                self._scheduled = True
                self._clock.callLater(0, self._hand_over)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._clock.callLater(0, self._lose, ConnectionDone())

    def loseWriteConnection(self) -> None:
        self.loseConnection()

    def abortConnection(self) -> None:
        if self.connected:
            self.disconnecting = True
            self._to_client.clear()
            self._clock.callLater(0, self._lose, ConnectionAborted())

    def getPeer(self) -> IPv4Address | IPv6Address:
        return self._peer

    def getHost(self) -> IPv4Address:
        return self._host

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def getTcpKeepAlive(self) -> bool:
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None: ...

    # IConsumer: nobody is slow here, so a producer is held and never paused.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError("another producer is registered")
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    # IPushProducer: the server's reading.

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        self._reading = True
        self._clock.callLater(0, self._drain)

    def stopProducing(self) -> None:
        self.loseConnection()

    def _drain(self) -> None:
        while self._to_server and self._reading and self.connected and not self.disconnecting:
            self.protocol.dataReceived(self._to_server.pop(0))

    def _hand_over(self) -> None:
        self._scheduled = False
        data = b"".join(self._to_client)
        self._to_client.clear()
        if data:
            self._reader(data)

    def _lose(self, reason: Exception) -> None:
        if not self.connected:
            return
        self._hand_over()
        self.connected = False
        self._to_server.clear()
        self.producer = None
        self.protocol.connectionLost(Failure(reason))
        self._ended()
