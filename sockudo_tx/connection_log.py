"""One line of the log for each connection that has ended, with everything that is known of it.

    INFO sockudo.connections: connection closed app_id=1 socket_id=3.4 address=10.0.0.7 client=js/8.4.0 seconds=61.2
         channels=2 by=client code=1001

Thousands may end at once. A line costs some 50 us, so they are written a few at a time, behind the work of the turn;
when too many wait, the rest is only counted. Source: http-api.md 13.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from .engine.departures import Departure

__all__ = ["TARGET", "ConnectionLog"]

TARGET = "sockudo.connections"
"""What a filter calls these lines."""

SLICE = 20
"""Lines written in one turn of the reactor: about a millisecond."""
MOST_WAITING = 20_000
"""Departures kept to be written; beyond that they are counted."""

_log = Logger(TARGET)


class ConnectionLog:
    """Takes departures (it is a `Departed`) and writes a line about each."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: deque[Departure] = deque()
        self._left_out = 0
        self.on = True
        """Whether anybody reads these lines."""
        self._next: IDelayedCall | None = None

    def __call__(self, departure: Departure) -> None:
        if not self.on:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._left_out += 1
            return
        self._waiting.append(departure)
        if self._next is None:
            self._next = self._clock.callLater(0, self._write_some)

    def flush(self) -> None:
        """Write all that waits, at once: the process is about to end."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        while self._waiting:
            self._write(self._waiting.popleft())
        self._tell_left_out()

    def _write_some(self) -> None:
        waiting = self._waiting
        for _ in range(min(SLICE, len(waiting))):
            self._write(waiting.popleft())
        self._next = self._clock.callLater(0, self._write_some) if waiting else None
        if not waiting:
            self._tell_left_out()

    def _tell_left_out(self) -> None:
        if self._left_out:
            count, self._left_out = self._left_out, 0
            _log.warn("{count} more connections closed, too many at once for a line each", count=count)

    def _write(self, departure: Departure) -> None:
        ending = departure.ending
        known = {
            "app_id": departure.app_id,
            "socket_id": departure.socket_id,
            "user_id": departure.user_id,
            "address": departure.address,
            "client": departure.client,
        }
        _log.info(
            "connection closed" if departure.socket_id else "connection refused",
            **{name: value for name, value in known.items() if value},
            seconds=round(departure.seconds, 3),
            channels=departure.channels,
            by=ending.by,
            code=ending.code,
            reason=ending.reason,
        )
