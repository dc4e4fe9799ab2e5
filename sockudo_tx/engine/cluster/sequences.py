"""Numbers on frames: what came twice is dropped, what is missing is counted (scaling.md 4.3)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Literal, TypeVar

__all__ = ["Heard", "Said"]

AT_MOST = 100_000
"""Positions remembered; the oldest are forgotten first, and count as unknown then."""

K = TypeVar("K")


class _Positions(Generic[K]):
    """The last number under each key, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: OrderedDict[K, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K, now: float) -> int:
        """0 when there is none."""
        number, at = self._entries.get(key, (0, 0.0))
        return number if now - at <= self._seconds else 0

    def put(self, key: K, number: int, now: float) -> None:
        entries = self._entries
        entries[key] = number, now
        entries.move_to_end(key)
        while len(entries) > AT_MOST or now - next(iter(entries.values()))[1] > self._seconds:
            entries.popitem(last=False)

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)


class Said:
    """Numbers what this node publishes."""

    def __init__(self, seconds: float) -> None:
        self._last = 0
        self._positions: _Positions[str] = _Positions(seconds)

    def __len__(self) -> int:
        return len(self._positions)

    def next(self, topic: str, now: float) -> tuple[int, int]:
        """The number of the next frame, and that of the one before on this topic; 0 if there is none to remember."""
        self._last += 1
        previous = self._positions.get(topic, now)
        self._positions.put(topic, self._last, now)
        return self._last, previous


class Heard:
    """Knows how far it has heard each sender on each topic it listens to."""

    def __init__(self, seconds: float) -> None:
        self._positions: _Positions[tuple[int, str]] = _Positions(seconds)
        self._listenings: dict[str, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._positions)

    def begin(self, topic: str) -> None:
        """Listen to the topic: what was before is not missed."""
        self._count += 1
        self._listenings[topic] = self._count

    def end(self, topic: str) -> None:
        """Listen no more."""
        self._listenings.pop(topic, None)

    def take(
        self, topic: str, sender: str, number: int, previous: int, now: float
    ) -> Literal["new", "duplicate", "gap"]:
        """What this frame is: new, one that was here, or new with others missing before it."""
        key = self._listenings.get(topic, 0), sender
        last = self._positions.get(key, now)
        if last and number <= last:
            return "duplicate"
        self._positions.put(key, number, now)
        return "gap" if last and previous and previous != last else "new"
