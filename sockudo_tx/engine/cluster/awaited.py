"""Member lists that will be new enough in a moment: a new member's own change is on its way (scaling.md 6.3)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

__all__ = ["Awaited"]

Key = tuple[str, str]


class Awaited:
    """Waits for versions, each no longer than so many seconds."""

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._waiting: dict[Key, list[tuple[int, Deferred[None]]]] = {}

    def wait(self, key: Key, version: int) -> Deferred[None]:
        """Fires when the list has this version, or when it takes too long."""
        waiting: Deferred[None] = Deferred()
        entry = version, waiting
        self._waiting.setdefault(key, []).append(entry)
        patience = self._clock.callLater(self._seconds, self._fire, key, entry)

        def over(_: None) -> None:
            if patience.active():
                patience.cancel()

        return waiting.addCallback(over)

    def reached(self, key: Key, version: int) -> None:
        """The list has this version now."""
        for entry in tuple(self._waiting.get(key, ())):
            if entry[0] <= version:
                self._fire(key, entry)

    def _fire(self, key: Key, entry: tuple[int, Deferred[None]]) -> None:
        waiting = self._waiting[key]
        waiting.remove(entry)
        if not waiting:
            del self._waiting[key]
        entry[1].callback(None)
