"""The same port behind TLS and on a UNIX socket."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.internet.endpoints import SSL4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.ssl import CertificateOptions

from sockudo_tx.listening.unix_port import UnixPort
from sockudo_tx.transports.tls import TlsFactory
from sockudo_tx.transports.wire import SocketWire, TlsWire
from tests.certificates import self_signed, server_context

from .peer import TEXT, EchoCase, Frame, Peer, connect_to, reactor, request

USAGE = b"GET /usage HTTP/1.1\r\nHost: localhost\r\n\r\n"


class TransportCase(EchoCase):
    """What must hold on any transport"""

    wire: type

    async def dial(self) -> Peer:
        """A connection on which nothing has been sent."""
        raise NotImplementedError

    async def check(self, before: bytes) -> None:
        """Echoes short and long, pings, a clean end; after these bytes of HTTP."""
        peer = await self.dial()
        peer.raw(before + request())
        await peer.upgraded()
        (sink,) = self.engine.sinks
        self.assertIsInstance(sink._wire, self.wire)  # type: ignore[attr-defined]  # how it sends is the point
        for size in (0, 10, 70_000, 2_000_000):
            peer.send(TEXT, b"x" * size)
            self.assertEqual(await peer.take(), Frame(0x81, b"x" * size))
        peer.close(1000)
        self.assertEqual(await peer.rest(), [Frame(0x88, b"\x03\xe8")])


class TlsTests(TransportCase):
    """TLS"""

    wire = TlsWire

    async def dial(self) -> Peer:
        context = server_context(*self_signed(Path(self.mktemp())))
        factory = TlsFactory(self.factory, context, reactor)
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        port = listening.getHost().port
        return await connect_to(self, SSL4ClientEndpoint(reactor, "127.0.0.1", port, CertificateOptions()))

    async def test_echo(self) -> None:
        """An upgrade as the first request."""
        await self.check(b"")

    async def test_after_rest(self) -> None:
        """An upgrade after a REST request."""
        await self.check(USAGE)


class UnixTests(TransportCase):
    """A UNIX socket"""

    wire = SocketWire

    async def dial(self) -> Peer:
        path = f"\0{self.id()}"  # in the abstract name space: no file, no limit of a hundred characters to a path
        opened = socket.socket(socket.AF_UNIX)
        self.addCleanup(opened.close)
        opened.bind(path)
        opened.listen()
        opened.setblocking(False)
        listening = UnixPort.adopt(opened, self.factory, reactor)
        self.addCleanup(listening.stopListening)
        return await connect_to(self, UNIXClientEndpoint(reactor, path))

    async def test_echo(self) -> None:
        """An upgrade as the first request."""
        await self.check(b"")

    async def test_after_rest(self) -> None:
        """An upgrade after a REST request."""
        await self.check(USAGE)
