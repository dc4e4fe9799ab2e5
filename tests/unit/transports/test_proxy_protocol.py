"""A connection with a PROXY header in front: who is believed, when it is handed over, and to whom."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.pending import Pending
from sockudo_tx.transports.proxy_protocol import ProxyProtocolFactory
from sockudo_tx.transports.tls import TlsFactory

from .kernel import Pair, Selector
from .tls_peer import App, client_context, context

HEADER = b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n"
UNIX_HEADER = b"\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\xd8" + bytes(216)
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"
PROXY = IPv4Address("TCP", "10.0.0.5", 40000)
CLIENT = IPv4Address("TCP", "192.0.2.1", 51000)


class Apps(Factory):
    """What speaks on the connections; remembers for whom."""

    noisy = False
    refuses = False

    def __init__(self) -> None:
        self.built: list[App] = []
        self.addresses: list[object] = []

    def buildProtocol(self, addr: IAddress | None) -> Any:
        self.addresses.append(addr)
        if self.refuses:
            return None
        self.built.append(App())
        return self.built[-1]


class ProxyCase(SynchronousTestCase):
    """A port behind a proxy, and a connection to it"""

    def setUp(self) -> None:
        self.clock = Selector()
        self.apps = Apps()
        self.pending = Pending(self.clock, limit=2, silence=60.0, patience=10.0)

    def factory(self, *believed: str) -> ProxyProtocolFactory:
        return ProxyProtocolFactory(self.apps, self.pending, self.clock, believed)

    def connect(self, factory: Factory | None = None, peer: IAddress = PROXY) -> Pair:
        """A connection on which nothing has been sent."""
        pair = Pair(reactor=self.clock)
        self.addCleanup(pair.close)
        protocol: Any = (factory or self.factory()).buildProtocol(peer)
        assert protocol is not None
        pair.transport.protocol = protocol
        pair.transport.startReading()
        protocol.makeConnection(pair.transport)
        return pair

    def lost(self, pair: Pair) -> bool:
        pair.step()
        self.clock.advance(0)
        return bool(pair.transport.disconnected)


class HandOverTests(ProxyCase):
    """The connection belongs to what speaks on it"""

    def test_handed_over(self) -> None:
        """With the client's address, the bytes behind the header, and nothing of ours left."""
        pair = self.connect()
        pair.transport._dataReceived(HEADER + b"GET /")
        (app,) = self.apps.built
        self.assertEqual((self.apps.addresses, app.heard), ([CLIENT], b"GET /"))
        self.assertIs(pair.transport.protocol, app)
        self.assertEqual(len(self.pending), 0)
        pair.transport._dataReceived(b"up")
        self.assertEqual(app.heard, b"GET /up")
        self.clock.advance(100)  # no timer of ours either
        self.assertFalse(self.lost(pair))

    def test_byte_by_byte(self) -> None:
        """However slowly it comes."""
        pair = self.connect()
        for byte in HEADER:
            self.assertEqual(self.apps.built, [])
            pair.transport._dataReceived(bytes([byte]))
        self.assertEqual(self.apps.addresses, [CLIENT])

    def test_whose(self) -> None:
        """IPv6 clients, those without an IP address, and the proxy's own checks."""
        for header, address in (
            (b"PROXY TCP6 2001:db8::1 ::1 51000 443\r\n", IPv6Address("TCP", "2001:db8::1", 51000)),
            (UNIX_HEADER, UNIXAddress(None)),
            (LOCAL, PROXY),
            (b"PROXY UNKNOWN\r\n", PROXY),
        ):
            self.connect().transport._dataReceived(header)
            self.assertEqual(self.apps.addresses.pop(), address)

    def test_refused(self) -> None:
        """A client whom the port does not want, now that its address is known, is disconnected."""
        self.apps.refuses = True
        pair = self.connect()
        pair.transport._dataReceived(HEADER)
        self.assertEqual(self.apps.addresses, [CLIENT])
        self.assertTrue(self.lost(pair))

    def test_simulated(self) -> None:
        """A transport that goes on calling us is listened to."""
        protocol: Any = self.factory().buildProtocol(PROXY)
        transport: Any = FakeTransport(protocol, True)
        protocol.makeConnection(transport)
        protocol.dataReceived(HEADER + b"1")
        protocol.dataReceived(b"2")
        protocol.connectionLost()
        (app,) = self.apps.built
        self.assertEqual((app.heard, len(app.lost)), (b"12", 1))

    def test_under_tls(self) -> None:
        """The header comes before the first byte of TLS."""
        pair = self.connect(
            ProxyProtocolFactory(TlsFactory(self.apps, context(), self.clock), self.pending, self.clock)
        )
        pair.transport._dataReceived(HEADER)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context().wrap_bio(incoming, outgoing)
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            if outgoing.pending:
                pair.transport._dataReceived(outgoing.read())
            incoming.write(pair.read_all())
        client.write(b"hello")
        pair.transport._dataReceived(outgoing.read())
        (app,) = self.apps.built
        self.assertEqual((self.apps.addresses, app.heard), ([CLIENT], b"hello"))


class BelievedTests(ProxyCase):
    """Who may say whose connection it is"""

    def test_everybody(self) -> None:
        """Without a list everybody is believed."""
        self.assertIsNotNone(self.factory().buildProtocol(PROXY))

    def test_listed(self) -> None:
        """Addresses and networks of both families; IPv4 also when it comes as IPv6."""
        factory = self.factory("10.0.0.5", "172.16.0.0/12", "2001:db8::/32", "192.168.1.7/24")
        for host in ("10.0.0.5", "172.20.1.1", "2001:db8::9", "::ffff:10.0.0.5", "192.168.1.1"):
            kind = IPv6Address if ":" in host else IPv4Address
            self.assertIsNotNone(factory.buildProtocol(kind("TCP", host, 1)), host)
        self.assertEqual(factory.refused, 0)

    def test_unix(self) -> None:
        """Who may open a Unix socket is a matter of its file."""
        self.assertIsNotNone(self.factory("10.0.0.5").buildProtocol(UNIXAddress(None)))

    def test_others(self) -> None:
        """Others are disconnected, counted, and logged once a minute in all."""
        factory = self.factory("10.0.0.5")
        for host in ("10.0.0.6", "127.0.0.1"):
            self.assertIsNone(factory.buildProtocol(IPv4Address("TCP", host, 1)))
        self.assertIsNone(factory.buildProtocol(IPv6Address("TCP", "fe80::1%eth0", 1)))
        self.assertEqual(factory.refused, 3)


class BrokenTests(ProxyCase):
    """What is no header, or too slow"""

    def test_no_header(self) -> None:
        """A client that comes without a proxy is disconnected without an answer, and counted."""
        factory = self.factory()
        pair = self.connect(factory)
        pair.transport._dataReceived(b"GET /up HTTP/1.1\r\n\r\n")
        self.assertTrue(self.lost(pair))
        self.assertEqual((self.apps.built, factory.broken, len(self.pending)), ([], 1, 0))

    def test_late(self) -> None:
        """A header has as long as a request head."""
        pair = self.connect()
        pair.transport._dataReceived(HEADER[:20])
        self.clock.advance(9.9)
        self.assertFalse(self.lost(pair))
        self.clock.advance(0.2)
        self.assertTrue(self.lost(pair))
        self.assertEqual(self.pending.late, 0)  # it is no request that was late

    def test_too_many(self) -> None:
        """Connections without a header count among those that have not sent a request: the oldest goes."""
        pairs = [self.connect() for _ in range(3)]
        self.assertEqual([self.lost(pair) for pair in pairs], [True, False, False])

    def test_hangs_up(self) -> None:
        """A connection that ends before its header leaves nothing behind."""
        pair = self.connect()
        pair.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.pending), 0)
