"""What an outage writes into the log."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.repeats import MOST, PAUSE, Repeats

from .case import EngineCase


def troubles(logged: list[dict[str, Any]]) -> list[str]:
    """Warnings and errors, before they are filled in."""
    return [event["log_format"] for event in logged if event["log_level"] >= LogLevel.warn]


class OutageTests(EngineCase):
    """The engine, while a backend fails"""

    def test_one_line_of_each_kind(self) -> None:
        """However many sockets meet it, an outage is one line of each kind, again after a minute while it lasts."""
        self.authority.failing.update(("occupy", "count", "vacate", "conn_open", "conn_close"))
        with capturedLogs() as logged:
            for _ in range(50):
                peer = self.open()
                peer.subscribe("news")
                peer.vanish()
            self.clock.advance(1)
        told = troubles(logged)
        self.assertEqual((len(told), len(set(told))), (3, 3))
        self.clock.advance(PAUSE)
        with capturedLogs() as logged:
            self.open().subscribe("news")
        self.assertEqual(troubles(logged), told[:2])


class RepeatsTests(SynchronousTestCase):
    """Repeats"""

    def test_bounded(self) -> None:
        """Ever new complaints are all logged, and take no more room than a few."""
        repeats = Repeats(Clock())
        self.assertTrue(all(repeats.due(str(number)) for number in range(3 * MOST)))
        self.assertLessEqual(len(repeats), MOST)
