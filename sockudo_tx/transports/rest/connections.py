"""The HTTP connections that are open, and their end when the server stops."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred

__all__ = ["Connections"]


class Finishable(Protocol):
    """A connection that can end by itself."""

    def finish(self) -> None:
        """End: at once when nothing is asked on it, else with the next answer."""


class Connections:
    """Every HTTP connection of a port. WebSockets have left it."""

    def __init__(self) -> None:
        self._open: set[Finishable] = set()
        self._finished: list[Deferred[None]] = []

    def add(self, connection: Finishable) -> None:
        self._open.add(connection)

    def discard(self, connection: Finishable) -> None:
        """It is gone, or has become something else; harmless when repeated."""
        self._open.discard(connection)
        if not self._open:
            finished, self._finished = self._finished, []
            for done in finished:
                done.callback(None)

    def finish(self) -> Deferred[None]:
        """Tell all of them to; fires when the last one is gone."""
        done: Deferred[None] = Deferred()
        if not self._open:
            done.callback(None)
            return done
        self._finished.append(done)
        for connection in tuple(self._open):
            connection.finish()
        return done
