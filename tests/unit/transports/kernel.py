"""A Twisted TCP transport over a socket pair, driven by hand: the kernel is real, the reactor is not."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

SMALL_BUFFER = 4096  # the kernel doubles it, and takes some messages more


class Selector(Clock):
    """The part of a reactor a transport uses: remembers who wants to read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, descriptor: Any) -> None:
        self.readers.add(descriptor)

    def removeReader(self, descriptor: Any) -> None:
        self.readers.discard(descriptor)

    def addWriter(self, descriptor: Any) -> None:
        self.writers.add(descriptor)

    def removeWriter(self, descriptor: Any) -> None:
        self.writers.discard(descriptor)


class Counting:
    """A socket that notes the sizes of its sends."""

    def __init__(self, real: socket.socket, sends: list[int]) -> None:
        self.real = real
        self.sends = sends

    def send(self, data: bytes) -> int:
        self.sends.append(len(data))
        return self.real.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Transport(tcp.Connection):
    """Twisted's own, except that a UNIX socket has no TCP options."""

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 6001)

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 50000)


class Pair:
    """A connected transport, and the far end's socket. Small kernel buffers: some 10 KB fill them."""

    def __init__(self, protocol: Protocol | None = None, reactor: Selector | None = None) -> None:
        self.reactor = reactor or Selector()
        near, self.far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        self.far.setblocking(False)
        self.transport = Transport(near, protocol or Protocol(), self.reactor)  # type: ignore[arg-type]  # no more of a reactor is used
        self.transport.connected = True
        self.sends: list[int] = []

    def count_sends(self) -> None:
        """Note the size of each `send` from now on, before it happens."""
        self.transport.socket = Counting(self.transport.socket, self.sends)  # type: ignore[assignment]  # acts like one

    def read(self) -> bytes:
        """What the far end has received and not yet read."""
        data = b""
        while True:
            try:
                chunk = self.far.recv(65536)
            except BlockingIOError:
                return data
            if not chunk:
                return data
            data += chunk

    def step(self) -> None:
        """One pass of the reactor: whoever wants to write and can, writes; then what is due happens."""
        for descriptor in self.reactor.writers & {self.transport}:
            why = descriptor.doWrite()
            if why is not None:
                descriptor.connectionLost(Failure(why))
        self.reactor.advance(0)

    def read_all(self, most: int = 10_000) -> bytes:
        """Read and let the transport write until nothing more comes."""
        data = b""
        for _ in range(most):
            chunk = self.read()
            wanted = bool(self.reactor.writers)
            self.step()
            data += chunk
            if not chunk and not wanted:
                return data
        raise AssertionError("the transport never comes to rest")

    def close(self) -> None:
        self.far.close()
        if hasattr(self.transport, "socket"):
            self.transport.socket.close()
