"""How long publishing takes: from the head of a call to the end of the turn in which its events left.

The frames of a turn leave at its end, and behind them whatever is `late`: then the kernel, or the queue of a client
that is slow, has every frame of every event told of here. Source: http-api.md 11.4, scaling.md 15.
"""

from __future__ import annotations

from ...engine.server import Engine
from ..turn import Turn

__all__ = ["FanOuts"]


class FanOuts:
    """Those of this turn, of all requests; counted when it ends."""

    __slots__ = ("_engine", "_leaving", "_turn")

    def __init__(self, engine: Engine, turn: Turn) -> None:
        self._engine = engine
        self._turn = turn
        self._leaving: list[tuple[str, list[tuple[str, int]], float]] = []

    def add(self, app_id: str, reached: list[tuple[str, int]], began: float) -> None:
        """A call that began then has published this turn; `reached` is what `Engine.publish` told."""
        if reached:
            if not self._leaving:
                self._turn.add_late(self)
            self._leaving.append((app_id, reached, began))

    def flush(self) -> None:
        """The turn is over."""
        now = self._engine.clock.seconds()
        leaving, self._leaving = self._leaving, []
        for app_id, reached, began in leaving:
            tally = self._engine.tally.of(app_id)
            milliseconds = max(0.0, now - began) * 1000
            for kind, recipients in reached:
                tally.fanned_out(kind, recipients, milliseconds)
