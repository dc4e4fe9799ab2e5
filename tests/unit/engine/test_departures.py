"""One departure for each connection, with who ended it and why (http-api.md 13)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.departures import Departure, Ending
from sockudo_tx.testing import MemoryServer, fixture_app


class DepartureTests(SynchronousTestCase):
    """What `departed` is told"""

    def setUp(self) -> None:
        self.departed: list[Departure] = []
        self.server = MemoryServer([fixture_app()], departed=self.departed.append)

    def ending(self) -> Ending:
        """Of the one connection that ended."""
        self.assertEqual(len(self.departed), 1, self.departed)
        return self.departed[0].ending

    def test_client_closes(self) -> None:
        """A Close frame of the client: its code and reason, everything known of the connection, and once only."""
        client = self.server.client()
        client.subscribe("presence-room", "ann")
        client.subscribe("news")
        self.server.advance(3)
        client.close(4321, "enough")
        client.cut()
        self.assertEqual(self.ending(), ("client", 4321, "enough"))
        departure = self.departed[0]
        self.assertEqual((departure.app_id, departure.socket_id), ("app", client.established))
        self.assertEqual((departure.client, departure.channels, departure.user_id), ("js/8.4.0", 2, None))
        self.assertAlmostEqual(departure.seconds, 3.0, delta=0.01)

    def test_client_closes_without_code(self) -> None:
        """A Close frame without a code is 1005 (RFC 6455 7.1.5)."""
        client = self.server.client()
        client.frame(8, b"")
        client.cut()
        self.assertEqual(self.ending(), ("client", 1005, ""))

    def test_connection_lost(self) -> None:
        """Without a Close frame it is the network, 1006."""
        client = self.server.client()
        client.cut()
        self.assertEqual(self.ending(), ("network", 1006, "connection lost"))

    def test_refused(self) -> None:
        """A refused connection departs too, without socket id."""
        client = self.server.connect("/app/nobody")
        client.cut()
        self.assertEqual(self.ending(), ("server", 4001, "Application does not exist"))
        self.assertEqual((self.departed[0].app_id, self.departed[0].socket_id), ("", ""))

    def test_server_closes(self) -> None:
        """The server's code and text, whatever the client answers."""
        client = self.server.client()
        self.server.advance(120)
        self.server.advance(31)
        client.close(1000, "")
        client.cut()
        self.assertEqual(self.ending(), ("server", 4201, "Pong reply not received in time"))

    def test_broken_frame(self) -> None:
        """A protocol error that the transport answers is the server's, 1002."""
        client = self.server.client()
        client.frame(3, b"")
        client.cut()
        self.assertEqual((self.ending().by, self.ending().code), ("server", 1002))

    def test_drain(self) -> None:
        """Shutdown is 4200 for everybody."""
        clients = [self.server.client() for _ in range(3)]
        self.server.engine.drain(1)
        self.server.advance(2)
        for client in clients:
            client.cut()
        self.assertEqual({departure.ending for departure in self.departed}, {("server", 4200, "Server shutting down")})
        self.assertEqual(len(self.departed), 3)

    def test_signed_in(self) -> None:
        """The user a connection was signed in as."""
        server = MemoryServer([fixture_app(enable_user_authentication=True)], departed=self.departed.append)
        client = server.client()
        client.signin("u1")
        client.cut()
        self.assertEqual(self.departed[0].user_id, "u1")
