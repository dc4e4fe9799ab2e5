"""The same port behind TLS and on a UNIX socket."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.endpoints import SSL4ClientEndpoint, SSL4ServerEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer

from sockudo_tx.transports.wire import SocketWire, TransportWire

from .peer import TEXT, EchoCase, Frame, Peer, connect_to, reactor, request

USAGE = b"GET /usage HTTP/1.1\r\nHost: localhost\r\n\r\n"


@implementer(IOpenSSLContextFactory)
class SelfSigned:
    """A TLS context with a certificate for `localhost`, signed by itself."""

    def __init__(self, path: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with open(path, "wb") as file:
            file.write(text + signed.public_bytes(pem))
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_privatekey_file(path)
        self._context.use_certificate_chain_file(path)

    def getContext(self) -> SSL.Context:
        return self._context


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

    wire = TransportWire

    async def dial(self) -> Peer:
        context = SelfSigned(self.mktemp())
        listening = await SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1").listen(self.factory)
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
        listening = reactor.listenUNIX(path, self.factory)
        self.addCleanup(listening.stopListening)
        return await connect_to(self, UNIXClientEndpoint(reactor, path))

    async def test_echo(self) -> None:
        """An upgrade as the first request."""
        await self.check(b"")

    async def test_after_rest(self) -> None:
        """An upgrade after a REST request."""
        await self.check(USAGE)
