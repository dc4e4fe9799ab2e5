"""How long publishing takes: from the head of a call to the end of the turn in which its events left.

The frames of a turn leave at its end, and behind them whatever is `late`: then the kernel, or the queue of a client
that is slow, has every frame of every event told of here. Source: http-api.md 11.4, scaling.md 15.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from ...engine.tally import AppTally
from ..turn import Turn

__all__ = ["FanOuts"]


class FanOuts:
    """Those of this turn, of all requests; counted when it ends."""

    __slots__ = ("_clock", "_leaving", "_turn")

    def __init__(self, clock: IReactorTime, turn: Turn) -> None:
        self._clock = clock
        self._turn = turn
        self._leaving: list[tuple[AppTally, list[tuple[str, int]], float]] = []

    def add(self, tally: AppTally, reached: list[tuple[str, int]], began: float) -> None:
        """A call that began then has published this turn; `reached` is what `Engine.publish` told, and not empty."""
        leaving = self._leaving
        if not leaving:
            self._turn.add_late(self)
        leaving.append((tally, reached, began))

    def flush(self) -> None:
        """The turn is over."""
        now = self._clock.seconds()
        leaving = self._leaving
        for tally, reached, began in leaving:
            milliseconds = (now - began) * 1000 if now > began else 0.0
            for kind, recipients in reached:
                tally.fanned_out(kind, recipients, milliseconds)
        leaving.clear()
