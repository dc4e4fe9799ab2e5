"""One worker as its parent sees it: a process, the link to it, and how it is going to end.

starting   spawned; the link is there, nobody serves
ready      its listeners accept
leaving    it was asked to end, or has said that it will: clients are told to come back
ended      the kernel says so, and everything it printed is in the log
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from .station import Station

__all__ = ["Lines", "WorkerEvents", "WorkerProcess"]

SILENCE = 10.0
"""Seconds without an answer to a ping after which a worker hangs (scaling.md 7.3)."""
_JITTER = 0.5
"""A look that comes a little too early must not leave a worker hanging until the next one."""
START = 60.0
"""Seconds a worker has to get ready."""
_LAST_WORDS = 2.0
"""Between SIGABRT, on which it writes where it hangs, and SIGKILL."""
_CUT = 1.0
"""Seconds to end in for a worker that shall not wait for its clients any more."""


class Lines(Protocol):
    """Where what a worker prints goes."""

    def received(self, data: bytes) -> None:
        """Some of what it printed."""

    def ended(self) -> None:
        """There is no more."""

    @property
    def last(self) -> str:
        """The last line that a person would want to see."""


class WorkerEvents(Protocol):
    """Who supervises."""

    def worker_ready(self, worker: WorkerProcess) -> None:
        """Its listeners accept."""

    def worker_leaving(self, worker: WorkerProcess) -> None:
        """It goes, and nobody had asked it to: clients come in without it from now on."""

    def worker_ended(self, worker: WorkerProcess) -> None:
        """The process is gone, and `how` says in which way."""


class WorkerProcess(ProcessProtocol):
    """Tells its events each at most once, `worker_ended` always and last."""

    _log = Logger()
    station: Station | None = None
    """Its link; None before it is spawned and after the link has ended."""
    pid = 0
    is_ready = False
    is_leaving = False
    """It was asked to end, or has said that it will."""
    has_ended = False
    how = ""
    """In which way it has ended, in words."""

    def __init__(self, slot: int, clock: IReactorTime, events: WorkerEvents, lines: Lines) -> None:
        self.slot = slot
        self.lines = lines
        self._waits: list[Deferred[None]] = []
        self._clock = clock
        self._events = events
        self._asked_at: float | None = None
        """When the ping was sent that waits for its answer."""
        self._calls: list[IDelayedCall] = []
        self._closing: IDelayedCall | None = None
        self._why = ""

    @property
    def name(self) -> str:
        """For people, who count from 1."""
        return f"worker {self.slot + 1}"

    # what it is asked

    def over(self) -> Deferred[None]:
        """Fires when the process is gone; one for each who waits, to be cancelled by himself."""
        wait: Deferred[None] = Deferred()
        if self.has_ended:
            wait.callback(None)
        else:
            self._waits.append(wait)
        return wait

    def look(self, late: bool) -> None:
        """Call it each second: whether it still answers. `late`: we did not look in time ourselves."""
        if not self.is_ready or self.has_ended or self.station is None:
            return
        now = self._clock.seconds()
        if self._asked_at is None:
            self._asked_at = now
            answer: Deferred[Any] = self.station.ping()
            answer.addCallback(self._answered)  # type: ignore[unused-awaitable]  # the chain ends here
        elif late:
            self._asked_at = now  # it may well have answered while nobody was there to read it
        elif now - self._asked_at >= SILENCE - _JITTER:
            self._abort(f"has not answered for {SILENCE:.0f} s")

    def leave(self, last: bool = False) -> None:
        """Drain: no more clients, those it has are told to come back, and then it ends. `last`: so do all others."""
        self.is_leaving = True
        if self.is_ready and self.station is not None:
            self.station.drain(last)
        else:
            self._signal(signal.SIGTERM)

    def hurry(self) -> None:
        """End now, whoever is still there."""
        self.is_leaving = True
        if self.station is not None:
            self.station.hurry()
        self._later(_CUT, self.kill)

    def kill(self) -> None:
        """End it, without any way to object."""
        self._signal(signal.SIGKILL)

    # what its link tells

    def ready(self, station: Station) -> None:
        self.is_ready = True
        if not self.is_leaving:
            self._events.worker_ready(self)

    def leaving(self, station: Station) -> None:
        if not self.is_leaving:
            self.is_leaving = True
            self._events.worker_leaving(self)

    def gone(self, station: Station) -> None:
        self.station = None
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if station.left:
            self._later(SILENCE, lambda: self._abort("said goodbye, and does not end"))
        else:  # mostly the process has ended and the kernel is about to tell us
            self._later(_CUT, self._cut_off)

    def overflowing(self, station: Station) -> None:
        self._abort("does not read what it is sent")

    # what its process tells

    def connectionMade(self) -> None:
        """It was started."""
        self._later(START, self._too_slow)

    def outReceived(self, data: bytes) -> None:
        self.lines.received(data)

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self.has_ended = True
        self.is_ready = False
        for call in self._calls:
            if call.active():
                call.cancel()
        self.lines.ended()
        self.how = self._why or _in_words(reason.value)
        if self.station is not None:  # which ends by itself, behind the last that the worker has said
            self._closing = self._clock.callLater(_CUT, self._close, self.station)
        self._events.worker_ended(self)
        waits, self._waits = self._waits, []
        for wait in waits:
            if not wait.called:  # who waited has given up
                wait.callback(None)

    # ends

    def _close(self, station: Station) -> None:
        """Somebody else holds the worker's end of it."""
        self._closing = None
        station.close()

    def _answered(self, _: object) -> None:
        self._asked_at = None

    def _too_slow(self) -> None:
        if not self.is_ready:
            self._abort(f"was not ready within {START:.0f} s")

    def _cut_off(self) -> None:
        """The link is gone and the process is not; nobody can reach its clients from elsewhere."""
        if not self._why:
            self._abort("closed its link")

    def _abort(self, why: str) -> None:
        """Have it write where it is, then end it."""
        if self._why or self.has_ended:
            return
        self._why = why
        self._log.error(
            "worker {worker} {why}; it is ended, with a traceback", worker=self.slot + 1, why=why, worker_pid=self.pid
        )
        self._signal(signal.SIGABRT)
        self._later(_LAST_WORDS, self.kill)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        if not self.has_ended:
            self._calls.append(self._clock.callLater(seconds, what))

    def _signal(self, number: int) -> None:
        if self.transport is None or self.has_ended:
            return
        try:
            self.transport.signalProcess(number)
        except ProcessExitedAlready:
            pass


def _in_words(reason: Any) -> str:
    """How a process ended (`ProcessDone`, `ProcessTerminated`)."""
    number: int | None = getattr(reason, "signal", None)
    if number is not None:
        return f"was ended by {signal.Signals(number).name}"
    return f"ended with status {getattr(reason, 'exitCode', 0)}"
