"""How late the reactor is: what a timer that is due waits, every frame and answer waits too (scaling.md 15)."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from ...engine.tally import Histogram
from .families import LAG_MS

__all__ = ["ReactorLag"]

INTERVAL = 0.5
"""Seconds between two looks."""


class ReactorLag(Service):
    """Looks twice a second how late a timer comes. A clock that is set back counts as no lag."""

    def __init__(self, reactor: Any) -> None:
        self.histogram = Histogram(LAG_MS)
        self._clock = reactor
        self._due = 0.0
        self._call: IDelayedCall | None = None

    def startService(self) -> None:
        super().startService()
        self._clock.callWhenRunning(self._again)  # what came before was starting, not lag

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        return None

    def _again(self) -> None:
        if self.running:
            self._due = self._clock.seconds() + INTERVAL
            self._call = self._clock.callLater(INTERVAL, self._look)

    def _look(self) -> None:
        self.histogram.observe(max(0.0, self._clock.seconds() - self._due) * 1000)
        self._again()
