"""The numbered messages of a channel, and which of them can be bases (delta-and-filters.md 2, 6.2, 7).

One sequence of numbers and one ring of bases for each key, shared by all subscribers: what is kept does not grow with
them. The clock is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .settings import Path, Rules

__all__ = ["BASES_AT_MOST", "Base", "Stream", "Streams"]

BASES_AT_MOST = 8 * 1024 * 1024
"""Bytes of bases that one channel keeps."""


class Base(NamedTuple):
    """A message as it was before its metadata were put in."""

    text: bytes
    tick: int
    """Of its channel, see `Streams`."""
    tags: Mapping[str, str] | None


class Stream:
    """The messages with one key. Numbers never repeat."""

    __slots__ = ("deltas", "next", "ring", "size", "touched")

    def __init__(self, floor: int) -> None:
        self.next = floor
        """The number of the next message."""
        self.ring: dict[int, Base] = {}
        """By number, oldest first."""
        self.size = 0
        """Bytes in `ring`."""
        self.deltas = 0
        """Messages since the last that was full for everybody."""
        self.touched = float("-inf")

    def due(self, now: float, interval: int, max_age: float) -> str | None:
        """Why the next message must be full whoever gets it: `first`, `interval` or `age`; None if it need not."""
        if not self.ring:
            return "first"
        if self.deltas >= interval:
            return "interval"
        return "age" if now - self.touched >= max_age else None

    def newest(self, tick: float = float("inf")) -> tuple[int, Base] | None:
        """Number and base of the last message there was at that tick, unless it has left the ring."""
        return next((item for item in reversed(self.ring.items()) if item[1].tick <= tick), None)


class Streams:
    """All streams of a channel, the least recently touched first."""

    __slots__ = ("_streams", "floor", "highest", "path", "size", "tick")

    def __init__(self) -> None:
        self.floor = 0
        """The first number of a stream that begins now: above all there ever were."""
        self.highest = 0
        """Above all numbers there ever were."""
        self.path: Path | None = None
        """The last conflation path; once there was one, clients go by keys for good."""
        self.size = 0
        """Bytes of all bases."""
        self.tick = 0
        """Messages that were numbered, in all streams together: the time in which subscribers' places are told."""
        self._streams: dict[str, Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def __contains__(self, key: str) -> bool:
        return key in self._streams

    def get(self, key: str) -> Stream:
        """The stream of this key; a new one is kept once it is touched."""
        return self._streams.get(key) or Stream(self.floor)

    def keep(
        self, key: str, stream: Stream, text: bytes, rules: Rules, now: float, tags: Mapping[str, str] | None = None
    ) -> int:
        """The stream's next number is that of `text` and is used now; how many other streams had to make room."""
        before = len(self._streams) + (key not in self._streams)
        self._streams.pop(key, None)
        self._streams[key] = stream
        ring = stream.ring
        self.tick += 1
        ring[stream.next] = Base(text, self.tick, tags)
        stream.next += 1
        self.highest = max(self.highest, stream.next)
        stream.touched = now
        self._grow(stream, len(text))
        while len(ring) > rules.ring:
            self._forget_base(stream)
        while rules.max_streams and len(self._streams) > rules.max_streams:
            self._drop(next(iter(self._streams)))
        while self.size > BASES_AT_MOST:
            if len(self._streams) > 1:
                self._drop(next(iter(self._streams)))
            else:
                self._forget_base(stream)
        return before - len(self._streams)

    def rise(self, floor: int) -> None:
        """Use no number below this from now on."""
        if floor > self.highest:
            self.highest = self.floor = floor
            for stream in self._streams.values():
                stream.next = floor

    def recent(self) -> Iterator[tuple[str, Stream]]:
        """The streams by key, the last touched first."""
        return reversed(self._streams.items())

    def sweep(self, now: float, max_age: float) -> None:
        """Drop the streams that have been idle for `max_age` and longer."""
        while self._streams:
            key, stream = next(iter(self._streams.items()))
            if now - stream.touched < max_age:
                return
            self._drop(key)

    def clear(self) -> None:
        """Forget everything but the numbers."""
        while self._streams:
            self._drop(next(iter(self._streams)))

    def _drop(self, key: str) -> None:
        stream = self._streams.pop(key)
        self.floor = max(self.floor, stream.next)
        self.size -= stream.size

    def _forget_base(self, stream: Stream) -> None:
        self._grow(stream, -len(stream.ring.pop(next(iter(stream.ring))).text))

    def _grow(self, stream: Stream, size: int) -> None:
        stream.size += size
        self.size += size
