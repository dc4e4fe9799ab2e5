"""Watches that the reactor turns: while it stands still nothing else in the process could say so.

The reactor beats; a thread, which mostly sleeps, looks whether it did, and when a turn takes too long logs where
the reactor's thread is. What was seen is remembered for a while, because `/up` is answered by the same reactor: a
prober asks before or after a stall, never during one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

__all__ = ["Beats", "Watchdog", "outlive"]

MEMORY = 30.0
"""Seconds after its end that a stall still counts: three probes of most balancers."""
_LOOK = 1.0
"""Seconds between two looks whether a parent is there."""
_FRAMES = 12
"""Innermost calls shown of a reactor that stands still."""


class Beats:
    """When the reactor beat, on a clock that is never set. A beat is due each `interval` seconds."""

    def __init__(self, limit: float, now: float) -> None:
        self.limit = limit
        """Seconds between two beats from which on the reactor has stalled; 0 watches nothing."""
        self.interval = min(1.0, limit / 4)
        self.last = now
        self.stalls = 0
        self._longest = 0.0
        self._remembered_until = now

    def beat(self, now: float) -> float | None:
        """The reactor turns. How long it had stood still, when that was too long."""
        gap, self.last = now - self.last, now
        if not 0 < self.limit < gap:
            return None
        self.stalls += 1
        self._longest = gap if now >= self._remembered_until else max(gap, self._longest)
        self._remembered_until = now + MEMORY
        return gap

    def late(self, now: float) -> bool:
        """Whether the reactor stands still at this moment."""
        return 0 < self.limit < now - self.last

    def trouble(self, now: float) -> str | None:
        """What a prober should know; None when all is well."""
        if self.late(now):  # asked before the beat that is due
            return f"stalled for {now - self.last:.1f} s"
        return f"stalled for {self._longest:.1f} s lately" if now < self._remembered_until and self.stalls else None


class Watchdog(Service):
    """Beats in the reactor and looks from a thread. `limit` in seconds; 0 has neither."""

    _log = Logger()

    def __init__(self, reactor: Any, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self._reactor = reactor
        self._now = now
        self.beats = Beats(limit, now())
        self._due: IDelayedCall | None = None
        self._over = threading.Event()
        self._reactor_thread = 0

    def trouble(self) -> str | None:
        """What a prober should know; None when all is well."""
        return self.beats.trouble(self._now()) if self.running else None

    def startService(self) -> None:
        super().startService()
        if not self.beats.limit:
            return
        self._over.clear()
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        self._over.set()
        due, self._due = self._due, None
        if due is not None:
            due.cancel()
        return None

    def _begin(self) -> None:
        """The reactor runs: what came before was starting, not standing still."""
        if not self.running:
            return
        self._reactor_thread = threading.get_ident()
        self.beats.last = self._now()
        self._due = self._reactor.callLater(self.beats.interval, self._beat)
        try:
            threading.Thread(target=self._watch, name="sockudo watchdog", daemon=True).start()
        except RuntimeError as error:  # a limit of processes; the beats alone still see a stall when it is over
            self._log.warn("nobody watches while the reactor stands still: {error}", error=str(error))

    def _beat(self) -> None:
        self._due = self._reactor.callLater(self.beats.interval, self._beat)
        gap = self.beats.beat(self._now())
        if gap is not None:
            self._log.error("the reactor turns again; it stood still for {seconds} s", seconds=round(gap, 1))

    def _watch(self) -> None:
        """The thread: tells once of each stall."""
        told = 0.0
        while not self._over.wait(self.beats.interval):
            last = self.beats.last
            if self.beats.late(self._now()) and told != last:
                told = last
                self._log.error(
                    "the reactor stands still for more than {limit} s, and with it every client. It is here: {where}",
                    limit=self.beats.limit,
                    where=_where(self._reactor_thread),
                )


def _where(thread: int) -> str:
    """The innermost calls of a thread, the innermost first."""
    frame = sys._current_frames().get(thread)
    calls = traceback.extract_stack(frame)[-_FRAMES:] if frame is not None else []
    return " < ".join(f"{call.name} ({call.filename}:{call.lineno})" for call in reversed(calls)) or "unknown"


_PR_SET_PDEATHSIG = 1
"""prctl(2): a signal for this process when its parent ends."""


def outlive(parent: int, grace: float) -> None:
    """Not by more than about so many seconds: a thread ends this process when its parent is gone and it still is there.

    Whose reactor turns has left by then, for it hears of it on its link. One that was stopped is made to go on.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        time.sleep(grace + _LOOK)
        os._exit(1)  # without a word: nobody reads what we print any more

    threading.Thread(target=watch, name="sockudo parent", daemon=True).start()
