"""The numbered messages of a channel, and which of them can be bases (delta-and-filters.md 2, 6.2, 7).

One sequence of numbers and one ring of bases for each key, shared by all subscribers: what is kept does not grow with
them. The clock is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .settings import Rules

__all__ = ["BASES_AT_MOST", "Stream", "Streams"]

BASES_AT_MOST = 8 * 1024 * 1024
"""Bytes of bases that one channel keeps."""


class Stream:
    """The messages with one key. Numbers never repeat."""

    __slots__ = ("deltas", "next", "ring", "size", "tags", "touched")

    def __init__(self, floor: int) -> None:
        self.next = floor
        """The number of the next message."""
        self.ring: dict[int, bytes] = {}
        """Number to base, oldest first."""
        self.size = 0
        """Bytes in `ring`."""
        self.deltas = 0
        """Messages since the last that was full for everybody."""
        self.touched = float("-inf")
        self.tags: Mapping[str, str] | None = None
        """Those of the newest message."""

    def due_full(self, now: float, interval: int, max_age: float) -> bool:
        """Whether the next message must be full whoever gets it."""
        return not self.ring or self.deltas >= interval or now - self.touched >= max_age

    def newest(self) -> tuple[int, bytes] | None:
        """Number and base of the last message."""
        return next(reversed(self.ring.items()), None)


class Streams:
    """All streams of a channel, the least recently touched first. `evicted` counts those that had to go."""

    __slots__ = ("_streams", "evicted", "floor", "keyed", "size")

    def __init__(self) -> None:
        self.floor = 0
        """The first number of a stream that begins now: above all there ever were."""
        self.keyed = False
        """There has been a conflation path: clients go by keys from then on, for good."""
        self.size = 0
        """Bytes of all bases."""
        self.evicted = 0
        self._streams: dict[str, Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def __contains__(self, key: str) -> bool:
        return key in self._streams

    def get(self, key: str) -> Stream:
        """The stream of this key; a new one is kept once it is touched."""
        return self._streams.get(key) or Stream(self.floor)

    def keep(
        self, key: str, stream: Stream, base: bytes, rules: Rules, now: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """The stream's next number is that of `base` and is used now; older bases and streams make room."""
        self._streams.pop(key, None)
        self._streams[key] = stream
        ring = stream.ring
        ring[stream.next] = base
        stream.next += 1
        stream.touched = now
        stream.tags = tags
        self._grow(stream, len(base))
        while len(ring) > rules.ring:
            self._forget_base(stream)
        while rules.max_streams and len(self._streams) > rules.max_streams:
            self._evict()
        while self.size > BASES_AT_MOST:
            if len(self._streams) > 1:
                self._evict()
            else:
                self._forget_base(stream)

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

    def _evict(self) -> None:
        self.evicted += 1
        self._drop(next(iter(self._streams)))

    def _drop(self, key: str) -> None:
        stream = self._streams.pop(key)
        self.floor = max(self.floor, stream.next)
        self.size -= stream.size

    def _forget_base(self, stream: Stream) -> None:
        self._grow(stream, -len(stream.ring.pop(next(iter(stream.ring)))))

    def _grow(self, stream: Stream, size: int) -> None:
        stream.size += size
        self.size += size
