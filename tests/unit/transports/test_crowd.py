"""A limit of connections for each address: who is counted, until when, and who never is."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryServer
from sockudo_tx.transports.rest.site import RestSettings
from sockudo_tx.transports.settings import ListenerSettings
from tests.http.case import RawConnection

UP = b"GET /up HTTP/1.1\r\n\r\n"


class CrowdTests(SynchronousTestCase):
    """`listener.max_connections_per_address`"""

    def setUp(self) -> None:
        self.server = MemoryServer(rest=RestSettings(listener=ListenerSettings(max_connections_per_address=2)))
        self.crowd = self.server.site.api.crowd

    def connect(self, address: str, said: bytes = b"") -> RawConnection:
        self.server.peer = address
        return RawConnection(self.server).send(said)

    def refused(self, connection: RawConnection) -> bool:
        """Whether it was told so, and closed."""
        statuses = [answer.status for answer in connection.take()]
        self.assertIn(statuses, ([], [429]))
        self.assertEqual(connection.ended, statuses == [429])
        return connection.ended

    def test_one_too_many(self) -> None:
        """It gets a 429 before it has said anything; other addresses are not touched."""
        connections = [self.connect("192.0.2.1") for _ in range(3)]
        self.assertEqual([self.refused(each) for each in connections], [False, False, True])
        self.assertFalse(self.refused(self.connect("192.0.2.2")))
        self.assertEqual((self.crowd.refused, len(self.crowd)), (1, 2))

    def test_every_kind_of_end(self) -> None:
        """A connection counts until it ends, whatever it has become."""
        for said in (b"", b"GET /app/", UP, b"no request\r\n"):
            connection = self.connect("192.0.2.1", said)
            connection.wire.cut()
            self.assertEqual(len(self.crowd), 0, said)
        for upgrade_late in (False, True):
            self.server.peer = "192.0.2.1"
            if upgrade_late:
                self.server.site.adjust(RestSettings(listener=ListenerSettings(max_connections_per_address=2)))
            client = self.server.client("key")
            self.assertEqual(len(self.crowd), 1)
            client.wire.cut()
            self.assertEqual(len(self.crowd), 0)

    def test_upgrade_after_rest(self) -> None:
        """A WebSocket that begins on a connection which has carried requests is the same connection."""
        upgrade = (
            b"GET /app/key?protocol=7 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        connection = self.connect("192.0.2.1", UP)
        connection.send(upgrade)
        self.assertIn(b"101 Switching", connection.received)
        self.assertEqual([self.refused(self.connect("192.0.2.1")) for _ in range(2)], [False, True])
        connection.wire.cut()
        self.assertFalse(self.refused(self.connect("192.0.2.1")))

    def test_spelled_otherwise(self) -> None:
        """IPv4 in IPv6 is the same address, and one network of IPv6 is one client."""
        self.connect("192.0.2.1")
        self.connect("::ffff:192.0.2.1")
        self.assertTrue(self.refused(self.connect("192.0.2.1")))
        self.connect("2001:db8::1")
        self.connect("2001:db8::2")
        self.assertTrue(self.refused(self.connect("2001:db8::3")))

    def test_never_limited(self) -> None:
        """Loopback and Unix peers are proxies and neighbours."""
        for address in ("127.0.0.1", "127.8.8.8", "::1"):
            self.assertEqual({self.refused(self.connect(address)) for _ in range(5)}, {False})
        peers: list[Any] = [UNIXAddress(None), None]
        self.assertEqual({self.crowd.enter(peer) for peer in peers * 5}, {None})
        self.assertEqual(len(self.crowd), 0)

    def test_switched_on_and_off(self) -> None:
        """A reload may set a limit and take it away; those who came before are not counted, and leave in peace."""
        early = self.connect("192.0.2.1")
        self.server.site.adjust(RestSettings())
        uncounted = [self.connect("192.0.2.1") for _ in range(5)]
        self.server.site.adjust(RestSettings(listener=ListenerSettings(max_connections_per_address=2)))
        self.assertEqual([self.refused(self.connect("192.0.2.1")) for _ in range(2)], [False, True])
        for connection in (early, *uncounted):
            connection.wire.cut()
