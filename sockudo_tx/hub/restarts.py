"""When a slot gets another worker after one has ended that nobody asked to.

    0.1 s, 0.2 s, 0.4 s ... at most 5 s, by the number of ends in the last minute; after more than five of them: never

Source: scaling.md 7.3.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Restarts"]

_FIRST = 0.1
_LONGEST = 5.0
_MOST = 5
_WINDOW = 60.0


class Restarts:
    """The memory of one slot."""

    def __init__(self) -> None:
        self.count = 0
        """Ends so far."""
        self._ends: deque[float] = deque(maxlen=_MOST + 1)

    def ended(self, now: float) -> float | None:
        """A worker has ended at this moment: seconds until the next is started, None when it is not worth it."""
        self.count += 1
        self._ends.append(now)
        lately = sum(now - end < _WINDOW for end in self._ends)
        return None if lately > _MOST else min(_FIRST * 2.0 ** (lately - 1), _LONGEST)

    def forget(self) -> None:
        """Somebody has changed something: begin anew."""
        self._ends.clear()
