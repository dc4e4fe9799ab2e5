"""What systemd is told, and what it asks: the protocol of sd_notify(3) and sd_watchdog_enabled(3).

    READY=1                when the server serves, with the process id that serves: a daemon's is not the one started
    RELOADING=1, READY=1   around a reload, as `Type=notify-reload` wants it
    STOPPING=1             when it drains, and how much longer that may take
    WATCHDOG=1             from the reactor, twice in each WATCHDOG_USEC: a process that hangs is started anew

Without NOTIFY_SOCKET nothing is sent, and a socket that nobody reads never costs more than a line in the log.
PyPI's libraries are one without a release since 2017 and one that compiles against libsystemd; this is a datagram.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["Systemd"]

_MICROSECONDS = 1_000_000


class Systemd(Service):
    """Tells the service manager how this process is. Made before a fork, in the process the manager started."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._interval = _watchdog_interval(environ)
        self._pings = LoopingCall(self._tell, "WATCHDOG=1")
        self._pings.clock = clock
        self._broken = False

    @property
    def listens(self) -> bool:
        """Whether anybody wants to be told."""
        return self._address is not None

    def startService(self) -> None:
        super().startService()
        if self._interval and self.listens:
            pinging = self._pings.start(self._interval)
            pinging.addErrback(self._stopped_pinging)  # type: ignore[unused-awaitable]  # the chain ends here

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._pings.running:
            self._pings.stop()
        return None

    def ready(self, status: str) -> None:
        """The server serves; `status` is what `systemctl status` shows."""
        self._tell("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=reading the configuration again")

    def stopping(self, within: float) -> None:
        """The server drains, for at most so many seconds, whatever TimeoutStopSec says."""
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(within * _MICROSECONDS)}", "STATUS=draining")

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._broken:
                self._log.warn("NOTIFY_SOCKET does not take what systemd is told: {error}", error=str(error))
            self._broken = True
        else:
            self._broken = False

    def _stopped_pinging(self, failure: object) -> None:
        self._log.error("the watchdog of systemd is not pinged any more: {failure}", failure=failure)


def _address(name: str) -> bytes | None:
    """A path, or `@` and a name in the abstract namespace; other kinds (vsock) come from another machine."""
    if name.startswith("@"):
        return b"\0" + os.fsencode(name[1:])
    return os.fsencode(name) if name.startswith("/") else None


def _watchdog_interval(environ: Mapping[str, str]) -> float:
    """Seconds between two pings; 0 when nobody waits for ours."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / _MICROSECONDS / 2 if text.isascii() and text.isdigit() else 0.0
