"""One FIFO of finished bytes for everything a connection sends: the hottest code of the product.

    idle      nothing queued; the next push opens the turn's list
    dirty     frames of this turn, to leave in one send at its end
    blocked   the kernel is full: frames queue, within limits, until the wire wants more
    over      the last frame has gone, or the connection has: nothing is taken any more

What many are owed is kept by the turn as long as it can be (`Turn.broadcast`), and sent past an idle outbox.
A push never waits and never fails. Order is never broken: Autobahn's control and Close frames and the 101
response come through here too. Source: ARCHITECTURE.md, “The hot path”; scaling.md 8.
"""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from ..protocol import errors
from ..protocol.errors import PeerError
from .slowness import CONTROL_ALLOWANCE, SlowConsumers
from .turn import CHUNK, Turn
from .wire import Wire

__all__ = ["Outbox"]

IDLE, DIRTY, BLOCKED, OVER = range(4)

_NEVER = float("-inf")


@implementer(IPushProducer)
class Outbox:
    """Queues and sends one connection's frames. A subclass says what becomes of a peer that is too slow."""

    __slots__ = (
        "_excess",
        "_first",
        "_frames",
        "_logged_at",
        "_losing",
        "_sealed",
        "_size",
        "_slow",
        "_turn",
        "_wire",
        "busy",
        "send",
        "tells_missed",
    )

    def __init__(self, wire: Wire, turn: Turn, slow: SlowConsumers) -> None:
        self._wire = wire
        self.send = wire.sender()
        """Past the queue; see `Receiver`."""
        self._turn = turn
        self._slow = slow
        self._first = b""
        """The first frame of this turn, mostly the only one. Empty when blocked."""
        self._frames: list[bytes] = []
        """Those behind it; when blocked, all."""
        self._size = 0
        """Bytes in `_frames`."""
        self._excess = 0
        """Control messages taken beyond the limits."""
        self._logged_at = _NEVER
        self._sealed = False
        """The last frame is queued."""
        self._losing = False
        """The connection ends when the queue is empty."""
        self.busy = IDLE
        """One of the four states."""
        self.tells_missed = False
        """Somebody has to know what is dropped."""
        if not wire.attach(self):
            self.busy = BLOCKED
            wire.wait(self)

    @property
    def blocked(self) -> bool:
        """Whether the peer takes no more for now."""
        return self.busy == BLOCKED

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages and bytes queued while the peer takes no more; the kernel has more of both."""
        return len(self._frames), self._size

    def too_slow(self, error: PeerError) -> None:
        """The peer has to go, and what was queued for it is discarded; end the connection."""
        raise NotImplementedError

    def missed(self) -> None:
        """Ordinary events are dropped; whoever would build upon them has to know."""

    def push(self, frame: bytes) -> None:
        """Queue an ordinary event; dropped, or the end of the connection, when the peer is too slow."""
        turn = self._turn
        if turn.shared:
            turn.settle()
        state = self.busy
        if not state:  # IDLE
            self.busy = DIRTY
            self._first = frame
            turn.add(self)
        elif state == DIRTY:
            self._frames.append(frame)
            self._size += len(frame)
            if self._size + len(self._first) > CHUNK:
                self.flush()
        elif state == BLOCKED and self._admits(len(frame), control=False):
            self._frames.append(frame)
            self._size += len(frame)

    def push_together(self, frames: list[bytes]) -> None:
        """`push` these, in one step when the queue of a peer that does not read has room for none of them."""
        slow, queued = self._slow, len(self._frames)
        if (
            self.busy == BLOCKED
            and queued
            and not (slow.disconnect or self._sealed)
            and (queued >= slow.max_messages or self._size + min(map(len, frames)) > slow.max_bytes)
        ):
            self._drop(len(frames))
            return
        for frame in frames:
            self.push(frame)

    def push_chained(self, frames: list[bytes]) -> None:
        """Push ordinary events that build upon each other: behind the first that is dropped, all are."""
        slow = self._slow
        before = slow.dropped
        for done, frame in enumerate(frames, 1):
            self.push(frame)
            if slow.dropped != before:
                self._logged_at = slow.drop(self._logged_at, len(frames) - done)
                return

    def push_bytes(self, frame: bytes) -> None:
        """Queue finished bytes that must not be lost: a Pong, the 101 response. Never dropped silently.

        A subclass may make something of messages first; these go as they are.
        """
        self._settle()
        if self.busy != BLOCKED:
            Outbox.push(self, frame)
        elif self._admits(len(frame), control=True):
            self._frames.append(frame)
            self._size += len(frame)

    push_control = push_bytes
    """Queue a message that must not be lost: a reply, a presence message."""

    def push_last(self, frame: bytes) -> None:
        """Queue the connection's last frame, whatever the limits, and send what can be sent."""
        self._settle()
        if self._sealed or self.busy == OVER:
            return
        self._sealed = True
        self._frames.append(frame)
        self._size += len(frame)
        if self.busy != BLOCKED:
            self.busy = DIRTY
            self.flush()

    def lose(self) -> bool:
        """Close the connection once everything queued is sent; whether that was at once."""
        self._settle()
        self._sealed = True
        self.flush()
        if self.busy == BLOCKED:
            self._losing = True
            return False
        self.busy = OVER
        self._wire.lose()
        return True

    def flush(self) -> None:
        """Send this turn's frames, in one system call."""
        if self.busy != DIRTY:
            return
        data = self._first
        self._first = b""
        frames = self._frames
        if frames:
            data += b"".join(frames)
            frames.clear()
            self._size = 0
        self.busy = OVER if self._sealed else IDLE
        try:
            sent = self.send(data)
        except OSError:  # full, or broken: the transport gets the bytes, meets the same error and reports it
            sent = 0
        if sent != len(data):
            self.unsent(data, sent)

    def unsent(self, data: bytes, sent: int) -> None:
        """Queue what the kernel did not take; it tells when it takes more."""
        self.busy = BLOCKED
        self._frames.append(data[sent:] if sent else data)
        self._size = len(data) - sent
        self._wire.wait(self)

    def _settle(self) -> None:
        """Before anything is done to this outbox alone: it is given its share of what the turn has for many."""
        if self._turn.shared:
            self._turn.settle()

    def _takes(self, size: int, *, control: bool) -> bool:
        """Whether a message of this size would be queued, for those who must know before they finish it."""
        return self.busy != OVER and (self.busy != BLOCKED or self._admits(size, control=control))

    def _queue(self, frame: bytes) -> None:
        """Queue what `_takes` let in."""
        if self.busy == BLOCKED:
            self._frames.append(frame)
            self._size += len(frame)
        else:
            Outbox.push(self, frame)

    def _admits(self, size: int, *, control: bool) -> bool:
        """Whether a blocked queue takes one more message; if not, it is dropped or the peer has to go."""
        if self._sealed:
            return False
        slow = self._slow
        queued = len(self._frames)
        if not queued or (queued < slow.max_messages and self._size + size <= slow.max_bytes):
            return True
        if not slow.disconnect:
            if not control:
                self._drop(1)
                return False
            if self._excess < CONTROL_ALLOWANCE:
                self._excess += 1
                return True
        detail = slow.give_up(queued, size)
        self._frames.clear()
        self._size = 0
        self.too_slow(errors.slow_consumer(detail))
        return False

    def _drop(self, events: int) -> None:
        """So many ordinary events will not be sent."""
        self._logged_at = self._slow.drop(self._logged_at, events)
        if self.tells_missed:
            self.missed()

    # IPushProducer, called by the wire.

    def pauseProducing(self) -> None:
        """The wire has enough. Comes on every write above its mark."""
        if self._first:
            self._frames.insert(0, self._first)
            self._size += len(self._first)
            self._first = b""
        if self.busy != OVER:
            self.busy = BLOCKED

    def resumeProducing(self) -> None:
        """The wire can take more: what is queued goes up to 64 KiB at a time, and then the blockade is over."""
        if self.busy != BLOCKED:
            return
        wire = self._wire
        if wire.pulls:
            if self._frames:
                wire.write(self._take())
            elif wire.drained():
                wire.rest()
                self._unblock()
            return
        self.busy = DIRTY
        while self._frames and not self.blocked:  # a write may pause us again
            wire.write(self._take())
        if not self.blocked:
            self._unblock()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.busy = OVER
        self._first = b""
        self._frames.clear()
        self._size = 0

    def _unblock(self) -> None:
        self.busy = OVER if self._sealed else IDLE
        if self._losing:
            self._wire.lose()

    def _take(self) -> bytes:
        """The first frames of the queue, up to `max_backpressure` and 64 KiB but at least one."""
        frames, most = self._frames, self._slow.at_once
        count = size = 0
        for frame in frames:
            if count and size + len(frame) > most:
                break
            count += 1
            size += len(frame)
        data = frames[0] if count == 1 else b"".join(frames[:count])
        del frames[:count]
        self._size -= size
        if self._excess and len(frames) < self._slow.max_messages and self._size <= self._slow.max_bytes:
            self._excess = 0
        return data
