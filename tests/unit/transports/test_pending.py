"""Connections that have not spoken, or not finished: how long, and how many."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryServer
from sockudo_tx.transports.pending import SLICE, Pending
from sockudo_tx.transports.rest.site import RestSettings
from sockudo_tx.transports.settings import ListenerSettings
from tests.http.case import RawConnection

UP = b"GET /up HTTP/1.1\r\n\r\n"
LIMIT = 5


class PendingCase(SynchronousTestCase):
    """A server with room for five that have not spoken."""

    def setUp(self) -> None:
        self.serve(max_pending=LIMIT)

    def serve(self, **listener: Any) -> None:
        self.server = MemoryServer(rest=RestSettings(listener=ListenerSettings(**listener)))
        self.pending = self.server.site.api.pending

    def connect(self, said: bytes = b"") -> RawConnection:
        connection = RawConnection(self.server)
        return connection.send(said) if said else connection

    def tearDown(self) -> None:
        self.server.advance(60)
        self.assertEqual(len(self.pending), 0)


class CrowdedTests(PendingCase):
    """More than there is room for"""

    def test_oldest_goes(self) -> None:
        """The oldest give way, whether they are silent or in the middle of a head, and at once."""
        for said in (b"", b"G", b"GET /app/k", b"POST /"):
            first = [self.connect(said) for _ in range(2)]
            others = [self.connect() for _ in range(LIMIT)]
            self.server.pump()
            self.assertEqual([each.ended for each in first], [True, True])
            self.assertEqual({(each.ended, each.received) for each in others}, {(False, b"")})
            self.assertEqual(len(self.pending), LIMIT)

    def test_honest_clients(self) -> None:
        """In a flood, a client that sends its head is served."""
        for number in range(100):
            self.connect(b"GET /" if number % 2 else b"")
            honest = self.connect()
            self.connect()
            self.assertEqual([answer.status for answer in honest.send(UP).take()], [200])
            self.assertEqual(self.server.client("key").status, 101)
            honest.wire.cut()

    def test_connections_that_spoke(self) -> None:
        """A flood costs nobody the connection who has sent a request on it, however long ago."""
        idle = self.connect(UP)
        websocket = self.server.client("key")
        for _ in range(100):
            self.connect()
        self.assertEqual([answer.status for answer in idle.take()], [200])
        self.assertEqual([answer.status for answer in idle.send(UP).take()], [200])
        self.assertIsNone(websocket.closed)

    def test_no_limit(self) -> None:
        """0 is no limit."""
        self.serve(max_pending=0)
        for _ in range(100):
            self.connect()
        self.assertEqual(len(self.pending), 100)


class LateTests(PendingCase):
    """Those that take too long"""

    def test_crowd(self) -> None:
        """All of a crowd go in time, however many turns that takes."""
        self.serve(max_pending=0)
        crowd = [self.connect(b"G") for _ in range(2 * SLICE + 1)]
        self.server.advance(9.9)
        self.assertEqual({each.ended for each in crowd}, {False})
        self.server.advance(0.1)
        self.assertEqual({each.ended for each in crowd}, {True})
        self.assertEqual(self.pending.late, 2 * SLICE + 1)

    def test_times(self) -> None:
        """Both times are those of the configuration, and may change while the server runs."""
        self.serve(header_timeout=3, idle_timeout=7)
        silent, slow = self.connect(), self.connect(b"G")
        self.server.advance(3)
        self.assertEqual((silent.ended, slow.ended), (False, True))
        self.server.advance(4)
        self.assertTrue(silent.ended)
        self.server.site.adjust(RestSettings(listener=ListenerSettings(header_timeout=1)))
        slow = self.connect(b"G")
        self.server.advance(1)
        self.assertTrue(slow.ended)


class Waiting:
    """Notes what became of it."""

    fate = ""

    def head_is_late(self) -> None:
        self.fate = "late"

    def give_way(self) -> None:
        self.fate = "gave way"


class QueueTests(SynchronousTestCase):
    """`Pending`, for whoever waits for something else than a request, such as a TLS handshake"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pending = Pending(self.clock, limit=2, silence=60, patience=10)

    def test_limit_without_silence(self) -> None:
        """Who begins at once counts against the limit like others."""
        waiters = [Waiting() for _ in range(3)]
        for waiter in waiters:
            self.pending.begin(waiter)
        self.assertEqual([waiter.fate for waiter in waiters], ["gave way", "", ""])
        self.assertEqual((len(self.pending), self.pending.dropped), (2, 1))

    def test_another_speaks_for_it(self) -> None:
        """A connection that is passed on has no more time than it had."""
        first, second = Waiting(), Waiting()
        ticket = self.pending.begin(first)
        self.clock.advance(6)
        self.assertEqual(self.pending.pass_on(ticket, second), ticket)
        self.clock.advance(4)
        self.assertEqual((first.fate, second.fate), ("", "late"))
