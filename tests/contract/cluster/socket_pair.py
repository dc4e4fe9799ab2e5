"""A socket pair between two protocols, read when the test says so."""

from __future__ import annotations

import random
import socket

from twisted.internet.interfaces import IProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

__all__ = ["Cable"]


class _Plug:
    """The transport of one end."""

    def __init__(self, own: socket.socket, protocol: Protocol) -> None:
        own.setblocking(False)
        self.protocol = protocol
        self.closed = False
        self._socket = own
        self._unsent = bytearray()
        self._producer: IProducer | None = None
        self._closing = False

    def getHandle(self) -> socket.socket:
        return self._socket

    def write(self, data: bytes) -> None:
        self._unsent += data

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def loseConnection(self) -> None:
        self._closing = True

    def abortConnection(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._socket.close()
            self.protocol.connectionLost(Failure(connectionDone.value))

    def pump(self, most: int) -> bool:
        """Send what waits, then read so many bytes at most; whether anything moved."""
        if self.closed:
            return False
        moved = self._send()
        if self.closed:
            return moved
        try:
            data = self._socket.recv(most)
        except BlockingIOError:
            return moved
        if data:
            self.protocol.dataReceived(data)
        else:
            self.close()
        return True

    def doRead(self) -> object:
        """Read what has come, as the reactor has it done; what ended the connection, or None."""
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            return connectionDone
        if not data:
            return connectionDone
        self.protocol.dataReceived(data)
        return None

    def _send(self) -> bool:
        sent = 0
        if self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                return False
            except OSError:
                self.close()
                return True
            del self._unsent[:sent]
        if not self._unsent and self._producer is not None:
            self._producer.resumeProducing()  # type: ignore[attr-defined]
        if not self._unsent and self._closing:
            self.close()
            return True
        return bool(sent)


class Cable:
    """Connects a node's protocol with that of the other side. Pieces are read in sizes that depend on the seed."""

    def __init__(self, near: Protocol, far: Protocol, seed: int) -> None:
        self._rng = random.Random(seed)
        one, other = socket.socketpair()
        self._near, self._far = _Plug(one, near), _Plug(other, far)
        near.makeConnection(self._near)  # type: ignore[arg-type]
        far.makeConnection(self._far)  # type: ignore[arg-type]

    def pump(self) -> bool:
        """Let both ends read once; whether anything moved."""
        moved = [plug.pump(self._rng.choice((1, 7, 100, 1000, 65536))) for plug in (self._near, self._far)]
        return any(moved)

    def cut(self) -> None:
        """The node's end is gone; the other one reads the end of file."""
        self._near.close()

    def close(self) -> None:
        """Both ends are gone."""
        self._near.close()
        self._far.close()
