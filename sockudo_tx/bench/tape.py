"""What all subscribers of a channel read, kept once.

A server sends every subscriber of a channel the same frames in the same order; only the reads cut them differently.
The tape holds these bytes and what they mean. A client is then a place on the tape: what it reads is compared byte for
byte, and what is equal has been parsed and audited already. That is some ten times as cheap as parsing for each client,
and lets a client process keep up with a server that sends a million events a second.

Only events that come next in their stream get onto a tape, so a client whose bytes are the tape's has no fault.
Whatever else a client reads takes it off, or is handled on the way when it is no event.
"""

from __future__ import annotations

__all__ = ["Tape"]

# Bytes it grows by before what everybody has read is cut off, and how far behind a client may be to be waited for.
LENGTH = 4 << 20
FURTHEST = 32 << 20


class Tape:
    """The events of one channel from the first one on. Places are counted in frames and in bytes from its beginning."""

    __slots__ = (
        "_channel", "_floor", "_known",
        "dues", "ends", "even", "expected", "first", "limit", "places", "start", "text",
    )  # fmt: skip

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self.text = bytearray()
        self.start = 0
        """How many bytes were cut off."""
        self.first = 0
        """How many frames were."""
        self.ends: list[int] = []
        """Where each frame ends, in bytes."""
        self.dues: list[int] = []
        self.places: list[list[int]] = []
        """Where its latency goes."""
        self.even = 0
        """From this frame on all have the same place."""
        self.limit = LENGTH
        """From this length on it is worth while to see what can be cut off."""
        self.expected: dict[bytes, int] = {}
        """The next serial of each stream after the last frame."""
        self._floor: dict[bytes, int] = {}
        """The same before the first frame that is kept."""
        self._known: list[tuple[bytes, int]] = []

    @property
    def end(self) -> int:
        """How many frames there ever were."""
        return self.first + len(self.ends)

    def add(self, frame: bytes, stream: bytes, serial: int, due: int, place: list[int]) -> bool:
        """Puts a frame to its end; False when it is not the next event of a stream of this channel."""
        if self.expected.get(stream, 0) != serial or int(stream[:5]) != self._channel:
            return False
        self.expected[stream] = serial + 1
        if not self.places or self.places[-1] is not place:
            self.even = self.end
        self.text += frame
        self.ends.append(self.start + len(self.text))
        self.dues.append(due)
        self.places.append(place)
        self._known.append((stream, serial))
        return True

    def state(self, frame: int) -> dict[bytes, int]:
        """The next serial of each stream for one who has read everything before this frame."""
        if frame >= self.end:
            return dict(self.expected)
        found = dict(self._floor)
        for stream, serial in self._known[: frame - self.first]:
            found[stream] = serial + 1
        return found

    def cut(self, frame: int) -> None:
        """Forgets what is before this frame."""
        count = frame - self.first
        if count > 0:
            self._floor = self.state(frame)
            end = self.ends[count - 1]
            del self.text[: end - self.start]
            self.start, self.first = end, frame
            for each in (self.ends, self.dues, self.places, self._known):
                del each[:count]
        self.limit = len(self.text) + LENGTH
