"""Clients that find no open file left are told of in one warning, not in none and not in thousands."""

from __future__ import annotations

from twisted.internet import tcp
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, capturedLogs

from sockudo_tx.descriptors import INTERVAL, TurnedAway


def test_one_warning() -> None:
    """The first client is warned of at once, the others with the next warning; other lines are none of our business."""
    clock = Clock()
    turned_away = TurnedAway(clock)
    twisted = Logger("twisted.internet.tcp.Port")
    with capturedLogs() as events:
        twisted.info("EMFILE recovery: Closed socket from {address}", address=("127.0.0.1", 1))
        twisted.info("Could not accept new connection ({acceptError})", acceptError="ENFILE")
        twisted.info("EMFILE encountered; releasing reserved file descriptor.")
        twisted.info("{anything}", anything="EMFILE recovery: Closed socket")
    with capturedLogs() as told:
        for event in events:
            turned_away(event)
        clock.advance(INTERVAL)
        turned_away(events[0])
    assert turned_away.count == 3
    assert [(event["log_level"], event["count"]) for event in told] == [(LogLevel.warn, 1), (LogLevel.warn, 3)]


def test_twisted_still_says_so() -> None:
    """The lines we wait for are those of the Twisted we run on."""
    with open(tcp.__file__, encoding="utf-8") as source:
        text = source.read()
    assert '"EMFILE recovery:" " Closed socket from {address}"' in text
    assert '"Could not accept new connection ({acceptError})"' in text
