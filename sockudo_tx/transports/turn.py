"""The end of a reactor turn: outboxes with something to say are flushed before the reactor sleeps.

Frames pushed to one connection during a turn leave in one system call (ARCHITECTURE.md, “The hot path”).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import length_hint
from typing import Protocol

__all__ = ["Flushable", "Turn"]


class Flushable(Protocol):
    """Something with bytes to send at the end of the turn."""

    def flush(self) -> None: ...


class Turn:
    """The dirty list. `schedule` runs a callable once this turn's events have been handled, without delay."""

    __slots__ = ("_schedule", "dirty")

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self.dirty: list[Flushable] = []

    def add(self, outbox: Flushable) -> None:
        """Flush `outbox` at the end of this turn; what is added while others are flushed goes with them."""
        if not self.dirty:
            self.begin()
        self.dirty.append(outbox)

    def begin(self) -> None:
        """Something is about to be put on the list, which is empty: make sure that it is visited."""
        self._schedule(self._flush_all)

    def _flush_all(self) -> None:
        dirty = self.dirty
        waiting = iter(dirty)
        try:
            for outbox in waiting:
                outbox.flush()
        finally:
            # Should one flush fail, the others still have theirs: nothing may be left on a list nobody visits.
            del dirty[: len(dirty) - length_hint(waiting)]
            if dirty:
                self._schedule(self._flush_all)
