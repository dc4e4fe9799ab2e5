"""Clients that come back, and how handshakes are counted."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.tls import TlsFactory
from tests.certificates import self_signed, server_context

from .kernel import Selector
from .tls_peer import AppFactory, TlsPeer, client_context, context

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class TlsCase(SynchronousTestCase):
    """Connections to one server."""

    def setUp(self) -> None:
        self.clock = Selector()
        self.server = TlsFactory(AppFactory(), context(), self.clock, 10.0)  # type: ignore[arg-type]  # has a clock

    def peer(self, client: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None) -> TlsPeer:
        """A client that has not said anything."""
        found = TlsPeer(clock=self.clock, server=self.server, client=client, session=session)
        self.addCleanup(found.close)
        return found

    def connected(self, client: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLObject:
        """A client whose handshake is finished and who has heard something."""
        peer = self.peer(client, session)
        peer.shake_hands()
        peer.tls.write(b"hello")
        peer.settle()
        self.assertEqual(peer.received, b"hello")
        return peer.client

    def counted(self) -> tuple[int, int, int]:
        """Completed, resumed, failed."""
        return self.server.completed, self.server.resumed, self.server.failed


class SessionTests(TlsCase):
    """Resumption"""

    def test_resumed(self) -> None:
        """Whoever comes back with a ticket saves the signature, in both versions, and again with the next ticket."""
        for version in VERSIONS:
            client = client_context(version)
            session = self.connected(client).session
            for _ in range(3):
                again = self.connected(client, session)
                self.assertTrue(again.session_reused)
                session = again.session
        self.assertEqual(self.counted(), (8, 6, 0))

    def test_without_tickets(self) -> None:
        """TLS 1.2 without tickets goes on by the session's id."""
        client = client_context(ssl.TLSVersion.TLSv1_2)
        client.options |= ssl.OP_NO_TICKET
        session = self.connected(client).session
        self.assertTrue(session is not None and session.id and not session.has_ticket)
        self.assertTrue(self.connected(client, session).session_reused)

    def test_after_a_new_certificate(self) -> None:
        """Tickets end with the certificate they came with: a whole handshake, no error, and a ticket that works."""
        for version in VERSIONS:
            client = client_context(version)
            session = self.connected(client).session
            with tempfile.TemporaryDirectory() as folder:
                self.server.context = server_context(*self_signed(Path(folder)))
            again = self.connected(client, session)
            self.assertFalse(again.session_reused)
            self.assertTrue(self.connected(client, again.session).session_reused)
        self.assertEqual(self.counted(), (6, 2, 0))


class CountTests(TlsCase):
    """What a dashboard shows"""

    def test_failed(self) -> None:
        """Noise, a client that does not trust us and one that takes too long count as failed, each once."""
        self.peer().send_raw(b"\x16\x03\x01\xff\xff" + b"x" * 70_000)
        self.assertEqual(self.counted(), (0, 0, 1))
        suspicious = ssl.create_default_context()
        suspicious.check_hostname = False
        peer = self.peer(suspicious)
        with self.assertRaises(ssl.SSLCertVerificationError):
            peer.shake_hands()
        peer.send_raw(peer.outgoing.read())
        self.assertEqual(self.counted(), (0, 0, 2))
        self.peer()
        self.clock.advance(10)
        self.assertEqual(self.counted(), (0, 0, 3))
        self.clock.advance(10)
        self.assertEqual(self.counted(), (0, 0, 3))

    def test_left(self) -> None:
        """Who hangs up in the middle counts as failed, once, also when a reset overtook the alert that says why."""
        peer = self.peer()
        with self.assertRaises(ssl.SSLWantReadError):
            peer.client.do_handshake()
        peer.send_raw(peer.outgoing.read())
        self.assertEqual(self.counted(), (0, 0, 0))
        peer.pair.far.close()
        peer.server_reads()
        self.clock.advance(20)
        self.assertEqual(self.counted(), (0, 0, 1))

    def test_silent(self) -> None:
        """Who only looks whether the port is open, as load balancers do, is nothing to count."""
        peer = self.peer()
        peer.pair.far.close()
        peer.server_reads()
        self.clock.advance(20)
        self.assertEqual(self.counted(), (0, 0, 0))
