"""Sinks that remember what they were given."""

from __future__ import annotations

from collections.abc import Callable

from zope.interface import implementer

from sockudo_tx.interfaces import IFraming, ISink

__all__ = ["PLAIN", "Framing", "RecordingSink"]


@implementer(IFraming)
class Framing:
    """Puts a mark before each text, and counts what it was asked for."""

    def __init__(self, mark: bytes = b"") -> None:
        self.mark = mark
        self.framed = 0
        self.pushed_all = 0

    def frame(self, text: bytes) -> bytes:
        self.framed += 1
        return self.mark + text

    def push_all(self, sinks: tuple[ISink, ...], frame: bytes) -> None:
        self.pushed_all += 1
        for sink in sinks:
            sink.push(frame)

    def settle(self) -> None:
        """Nothing is owed."""


PLAIN = Framing()


@implementer(ISink)
class RecordingSink:
    """Keeps frames in order until it is closed. `full` is called on each push, as a slow peer's sink might act."""

    def __init__(self, framing: Framing = PLAIN, full: Callable[[], None] | None = None) -> None:
        self.framing = framing
        self.tells_missed = False
        self.full = full
        self.frames: list[bytes] = []
        self.ordinary: list[bytes] = []
        """Those of the frames that might have been dropped."""
        self.pings = 0
        self.closes: list[tuple[int, str]] = []
        """Every call of `close`; there should never be two."""
        self.aborted = False

    def push(self, frame: bytes) -> None:
        self.ordinary.append(frame)
        self.push_control(frame)

    def push_control(self, frame: bytes) -> None:
        if not self.closes:
            self.frames.append(frame)
            if self.full is not None:
                self.full()

    def ping(self) -> None:
        self.pings += 1

    def close(self, code: int, reason: str) -> None:
        self.closes.append((code, reason))

    def abort(self) -> None:
        self.aborted = True
