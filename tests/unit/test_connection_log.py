"""One wide line for each connection that ended, a few a turn, and never without end (http-api.md 13)."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx import connection_log
from sockudo_tx.connection_log import ConnectionLog
from sockudo_tx.engine.departures import LOST, Departure, Ending
from sockudo_tx.logs import human_line

CLOSED = Departure("1", "3.4", "ann", "10.0.0.7", "js/8.4.0", 61.23456, 2, Ending("client", 1001, "going away"))


class ConnectionLogTests(SynchronousTestCase):
    """`ConnectionLog`"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.log = ConnectionLog(self.clock)
        self.events: list[dict[str, Any]] = []
        observe = lambda event: self.events.append(event) if event["log_namespace"] == connection_log.TARGET else None  # noqa: E731
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def turn(self) -> None:
        """One turn of the reactor: what it begins is for the next, unlike `advance`."""
        calls, self.clock.calls = self.clock.calls, []
        for call in calls:
            call.func()

    def test_line(self) -> None:
        """Everything that is known, in the order people read it; what is unknown is left out."""
        self.log(CLOSED)
        self.log(Departure("", "", None, "10.0.0.7", "", 0.01, 0, Ending("server", 4001, "Application does not exist")))
        self.clock.advance(0)
        lines = [human_line(event)[28:].rstrip() for event in self.events]
        self.assertEqual(
            lines,
            [
                (
                    " INFO sockudo.connections: connection closed app_id=1 socket_id=3.4 user_id=ann address=10.0.0.7 "
                    "client=js/8.4.0 seconds=61.235 channels=2 by=client code=1001 reason='going away'"
                ),
                (
                    " INFO sockudo.connections: connection refused address=10.0.0.7 seconds=0.01 channels=0 by=server "
                    "code=4001 reason='Application does not exist'"
                ),
            ],
        )

    def test_few_a_turn(self) -> None:
        """A crowd that leaves at once is written a slice a turn; nothing is written in the turn it leaves in."""
        for _ in range(connection_log.SLICE + 1):
            self.log(CLOSED)
        self.assertEqual(len(self.events), 0)
        self.turn()
        self.assertEqual(len(self.events), connection_log.SLICE)
        self.turn()
        self.assertEqual(len(self.events), connection_log.SLICE + 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_many(self) -> None:
        """Beyond the bound they are counted, and the count is told behind the last line."""
        self.patch(connection_log, "MOST_WAITING", 3)
        for _ in range(5):
            self.log(CLOSED._replace(ending=LOST))
        self.log.flush()
        self.assertEqual(len(self.events), 4)
        self.assertEqual((self.events[-1]["log_level"], self.events[-1]["count"]), (LogLevel.warn, 2))
        self.assertEqual(self.clock.getDelayedCalls(), [])
