"""The way out: frames are numbered, and kept for a while when the bus is down (scaling.md 4.8)."""

from __future__ import annotations

from collections import deque

from twisted.internet.interfaces import IReactorTime

from ...interfaces import IBus
from .settings import ClusterSettings
from .tally import ClusterTally

__all__ = ["Outgoing"]


class Outgoing:
    """Publishes now, or when the bus is up again; the oldest make room. Order is kept."""

    def __init__(self, clock: IReactorTime, bus: IBus, settings: ClusterSettings, tally: ClusterTally) -> None:
        self._clock = clock
        self._bus = bus
        self.settings = settings
        self._tally = tally
        self._kept: deque[tuple[float, str, bytes]] = deque()
        self._bytes = 0
        self._down_since: float | None = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def refusing(self) -> bool:
        """What is published now will never reach the others, or may not: whoever publishes is told."""
        if self._bus.up:
            return False
        if self.settings.refuse_when_down:
            return True
        since = self._down_since
        return since is not None and self._clock.seconds() - since > self.settings.buffer_age

    def publish(self, topic: str, frame: bytes) -> None:
        """One frame."""
        if self._bus.up and not self._kept:
            self._tally.published += 1
            self._bus.publish(topic, frame)
            return
        now = self._clock.seconds()
        if self._down_since is None:  # the bus knows before it has told
            self._down_since = now
        self._kept.append((now, topic, frame))
        self._bytes += len(frame)
        self._make_room(now)

    def down(self) -> None:
        """The bus is down."""
        if self._down_since is None:
            self._down_since = self._clock.seconds()

    def up(self) -> None:
        """It is up again: what is young enough goes out, before anything new."""
        self._down_since = None
        self._make_room(self._clock.seconds())
        while self._kept and self._bus.up:
            _, topic, frame = self._kept.popleft()
            self._bytes -= len(frame)
            self._tally.published += 1
            self._bus.publish(topic, frame)

    def _make_room(self, now: float) -> None:
        kept, settings = self._kept, self.settings
        while kept:
            if len(kept) > settings.buffer_frames:
                reason = "frames"
            elif self._bytes > settings.buffer_bytes:
                reason = "bytes"
            elif now - kept[0][0] > settings.buffer_age:
                reason = "age"
            else:
                return
            self._bytes -= len(kept.popleft()[2])
            self._tally.dropped[reason] += 1
