"""The end of a reactor turn: outboxes with something to say are flushed before the reactor sleeps.

Frames pushed to one connection during a turn leave in one system call (ARCHITECTURE.md, “The hot path”). What a
turn has for one audience, mostly a channel, is kept once: its frames are joined once and the same bytes are sent to
each of its outboxes. That lasts until one of the turn's outboxes is pushed to by itself, or another audience is;
then everybody gets its share of the frames first, so that no connection ever sees another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import length_hint
from typing import Any, Protocol

from ..interfaces import ChainedSinks

__all__ = ["CHUNK", "Flushable", "Receiver", "Turn"]

CHUNK = 65536
"""Bytes collected in one turn, for one connection or one audience, before they are flushed early."""


class Flushable(Protocol):
    """Something with bytes to send at the end of the turn."""

    def flush(self) -> None: ...


class Receiver(Protocol):
    """One of an audience, such as an outbox."""

    busy: int
    """0 while nothing is queued and the peer takes what is sent."""
    send: Callable[[bytes], int]
    """Only for one that is not busy: sends now what can be sent, and tells how much that was."""

    def push(self, frame: bytes) -> None: ...

    def push_together(self, frames: list[bytes]) -> None:
        """`push` each of them."""

    def push_chained(self, frames: list[bytes]) -> None:
        """Push these up to the first that is dropped, see `ChainedSinks`."""

    def unsent(self, data: bytes, sent: int) -> None:
        """Only the first `sent` bytes of `data` could be sent."""


class Turn:
    """The dirty list. `schedule` runs a callable once this turn's events have been handled, without delay."""

    __slots__ = ("_audience", "_schedule", "_size", "dirty", "late", "shared")

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self.dirty: list[Flushable] = []
        self.late: list[Flushable] = []
        """Those that wait for the others."""
        self.shared: list[bytes] = []
        """Frames that `_audience` is owed. Not empty: `settle` before anything is pushed to one outbox."""
        self._audience: Sequence[Receiver] = ()
        self._size = 0
        """Bytes in `shared`."""

    def add(self, outbox: Flushable) -> None:
        """Flush `outbox` at the end of this turn; what is added while others are flushed goes with them."""
        dirty = self.dirty
        if not dirty and not self.shared and not self.late:
            self._schedule(self._end)
        dirty.append(outbox)

    def add_late(self, answer: Flushable) -> None:
        """Flush `answer` at the end of this turn, when all frames have left that the turn had for outboxes."""
        if not self.late and not self.dirty and not self.shared:
            self._schedule(self._end)
        self.late.append(answer)

    def broadcast(self, audience: Any, frame: bytes) -> None:
        """`push` the frame to every outbox of a tuple; cheapest when the turn has seen this very tuple last."""
        shared = self.shared
        if shared:
            if audience is self._audience:
                shared.append(frame)
                self._size += len(frame)
                if self._size > CHUNK:
                    self._send_shared()
                return
            self.settle()
        elif not self.dirty and not self.late:
            self._schedule(self._end)
        self._audience = audience
        self._size = len(frame)
        shared.append(frame)

    def settle(self) -> None:
        """Push the shared frames to each outbox they are for; from here on each is on its own."""
        audience, frames = self._take()
        if len(frames) > 1 and isinstance(audience, ChainedSinks):
            for outbox in audience:
                outbox.push_chained(frames)
            return
        for outbox in audience:
            for frame in frames:
                outbox.push(frame)

    def _take(self) -> tuple[Sequence[Receiver], list[bytes]]:
        audience, self._audience = self._audience, ()
        frames = self.shared[:]
        self.shared.clear()
        self._size = 0
        return audience, frames

    def _send_shared(self) -> None:
        audience, frames = self._take()
        waiting = iter(audience)
        push = _push_chained if isinstance(audience, ChainedSinks) else _push
        try:
            self._send_to_each(waiting, frames, push)
        finally:
            # Should one send fail, the others still get theirs.
            for outbox in waiting:
                push(outbox, frames)

    def _send_to_each(
        self, outboxes: Iterator[Receiver], frames: list[bytes], push: Callable[[Receiver, list[bytes]], None]
    ) -> None:
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        size = len(data)
        for outbox in outboxes:
            if outbox.busy:
                push(outbox, frames)
                continue
            try:
                sent = outbox.send(data)
            except OSError:  # full, or broken: the transport gets the bytes, meets the same error and reports it
                sent = 0
            if sent != size:
                outbox.unsent(data, sent)

    def _end(self) -> None:
        try:
            if self.shared:
                self._send_shared()
            _flush(self.dirty)
            if self.late:
                _flush(self.late)
        finally:
            # Nothing may be left on a list nobody visits.
            if self.dirty or self.shared or self.late:
                self._schedule(self._end)


def _push(outbox: Receiver, frames: list[bytes]) -> None:
    outbox.push_together(frames)


def _push_chained(outbox: Receiver, frames: list[bytes]) -> None:
    outbox.push_chained(frames)


def _flush(waiting: list[Flushable]) -> None:
    """Flush all of them and forget them."""
    left = iter(waiting)
    try:
        for one in left:
            one.flush()
    finally:
        # Should one flush fail, the others still have theirs.
        del waiting[: len(waiting) - length_hint(left)]
