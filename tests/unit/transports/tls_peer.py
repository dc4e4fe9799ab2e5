"""A TLS transport over a socket pair, and a client of it; each moves only when a test says so."""

from __future__ import annotations

import functools
import ssl
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from sockudo_tx.transports.tls import TlsFactory, TlsTransport
from tests.certificates import self_signed, server_context

from .kernel import Pair, Selector


class App(Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.append(reason)


class AppFactory(Factory):
    """Remembers the one protocol it builds."""

    noisy = False
    built: Any = None

    def __init__(self, make: Any = App) -> None:
        self.make = make

    def buildProtocol(self, addr: object) -> Any:
        self.built = self.make()
        return self.built


@functools.cache
def context() -> ssl.SSLContext:
    """The server's end, with a certificate signed by itself."""
    with tempfile.TemporaryDirectory() as folder:
        return server_context(*self_signed(Path(folder)))


def client_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A client that trusts everybody and speaks this version only."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    found.minimum_version = found.maximum_version = version
    return found


class TlsPeer:
    """A connection to `TlsFactory`, and the client at its far end."""

    def __init__(
        self,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        make: Any = App,
        clock: Selector | None = None,
        server: TlsFactory | None = None,
        client: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.pair = Pair(reactor=clock)
        self.clock = self.pair.reactor
        self.factory: Any = server.factory if server else AppFactory(make)
        self.server = server or TlsFactory(self.factory, context(), self.clock, 10.0)
        self.tls: TlsTransport = self.server.buildProtocol(None)
        self.pair.transport.protocol = self.tls  # type: ignore[assignment]  # a protocol by its interface
        self.tls.makeConnection(self.pair.transport)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = (client or client_context(version)).wrap_bio(self.incoming, self.outgoing, session=session)
        self.received = b""
        self.said_goodbye = False
        self._waiting = b""

    @property
    def app(self) -> Any:
        """The protocol over TLS; None before the handshake."""
        return self.factory.built

    def send_raw(self, data: bytes) -> None:
        """These bytes as they are, and the server reads what fits."""
        self._waiting += data
        if self._waiting:
            try:
                self._waiting = self._waiting[self.pair.far.send(self._waiting) :]
            except BlockingIOError:
                pass
            except OSError:  # closed
                self._waiting = b""
        self.server_reads()

    def server_reads(self) -> None:
        """The reactor's read event."""
        if hasattr(self.pair.transport, "socket"):
            why = self.pair.transport.doRead()
            if why is not None:
                self.pair.transport.connectionLost(Failure(why))

    def take(self, most: int) -> int:
        """Read some ciphertext, and decrypt what is complete; how many bytes there were."""
        try:
            data = self.pair.far.recv(most)
        except OSError:
            return 0
        self.incoming.write(data)
        self.decrypt()
        return len(data)

    def decrypt(self) -> None:
        """What has come so far."""
        while not self.said_goodbye:
            try:
                text = self.client.read(65536)
            except ssl.SSLZeroReturnError:
                text = b""
            except ssl.SSLWantReadError:
                return
            self.said_goodbye = not text
            self.received += text

    def settle(self) -> None:
        """Both sides read and write until nothing moves any more."""
        for _ in range(10_000):
            before = self.outgoing.pending or self._waiting
            self.send_raw(self.outgoing.read())
            wanted = bool(self.clock.writers)
            self.pair.step()
            if not self.take(65536) and not wanted and not before:
                return
        raise AssertionError("the connection never comes to rest")

    def shake_hands(self) -> None:
        """Complete the handshake."""
        for _ in range(10):
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.send_raw(self.outgoing.read())
                self.pair.step()
                try:
                    self.incoming.write(self.pair.far.recv(65536))
                except BlockingIOError:
                    pass
            else:
                self.settle()
                return
        raise AssertionError("no handshake")

    def say(self, data: bytes) -> None:
        """Encrypt, send, and have it read."""
        self.client.write(data)
        self.send_raw(self.outgoing.read())

    def close(self) -> None:
        """Leaves nothing open."""
        if hasattr(self.pair.transport, "socket"):
            self.pair.transport.connectionLost(Failure(connectionDone.value))
        self.pair.far.close()
