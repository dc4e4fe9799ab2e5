"""What an event's data carries: whose and which one it is, and when it was due."""

from __future__ import annotations

import secrets
from typing import NamedTuple

__all__ = ["SMALLEST", "Marked", "Marker"]

_STREAM, _SERIAL, _DUE = 11, 10, 19
# ~sb<run>:<channel>.<sender>:<serial>:<due>~
SMALLEST = 3 + 6 + 1 + _STREAM + 1 + _SERIAL + 1 + _DUE + 1
"""Bytes of data that an event of ours has at least."""


class Marked(NamedTuple):
    """One event of this run."""

    stream: bytes
    """Channel number and sender: within a stream the serials are in order and without holes."""
    serial: int
    due: int
    """When it was to be sent, in nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share."""


class Marker:
    """Writes and finds the mark of one run. Events of others, also of an earlier run, have another mark or none.

    All of it is fixed in width and free of characters that JSON would escape: it is found in a frame as it is.
    """

    __slots__ = ("_find", "_text", "run")

    def __init__(self, run: str | None = None) -> None:
        self.run = run or secrets.token_hex(3)
        self._text = f"~sb{self.run}:"
        self._find = self._text.encode()

    @staticmethod
    def stream(channel: int, sender: int) -> bytes:
        """The name of a stream."""
        return b"%05d.%05d" % (channel, sender)

    def data(self, stream: bytes, serial: int, due: int, size: int) -> str:
        """The data of an event, `size` bytes."""
        return f"{self._text}{stream.decode()}:{serial:010d}:{due:019d}~".ljust(size, "x")

    def find(self, text: bytes) -> Marked | None:
        """The mark in the text of a message, None when it is not an event of this run."""
        start = text.find(self._find)
        if start < 0:
            return None
        start += 10
        stream = text[start : start + _STREAM]
        start += _STREAM + 1
        serial = text[start : start + _SERIAL]
        start += _SERIAL + 1
        due = text[start : start + _DUE]
        if len(due) < _DUE or not (serial.isdigit() and due.isdigit()):
            return None
        return Marked(stream, int(serial), int(due))
