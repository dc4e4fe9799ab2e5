"""Which reactor runs the server: Twisted's asyncio reactor, over uvloop where it can be imported.

Engine and transports run on any reactor; `service.py` asks only how to end a turn, and which loop it is.
Daemonising forks after the event loop was made; asyncio's and uvloop's loops both survive that, because nothing watches
a descriptor yet and the parent only waits (tests/integration/test_daemon.py holds us to it).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from socket import SO_ERROR, SOL_SOCKET
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import CONNECTION_LOST, installReactor
from twisted.internet.tcp import Connection

__all__ = ["event_loop_of", "install_reactor", "soon"]


class _AsyncioReactor(AsyncioSelectorReactor):
    """The asyncio reactor without a logging context for each read.

    Twisted makes one for its older log, which nothing here writes to: 1.7 µs, a tenth of what a client's message
    takes [measured].
    """

    def addReader(self, reader: Any) -> None:
        if reader in self._readers:
            return
        fd = reader.fileno()
        try:
            self._asyncioEventloop.add_reader(fd, self._read, reader)
        except OSError:  # no descriptor to be watched: a file, perhaps
            super().addReader(reader)
        else:
            self._readers[reader] = fd

    def _read(self, reader: Any) -> None:
        try:
            self._readOrWrite(reader, True)
        except Exception:  # noqa: BLE001  # Twisted's own boundary, which went with the context
            self._log.failure("unhandled error of {reader}", reader=reader)


class _UvloopReactor(_AsyncioReactor):
    """The same with a second look at connections that were reset.

    uvloop stops watching a descriptor in error after one call (`UVPoll._fatal_error`), on which Twisted reads what
    had come before the reset. Without the second look nobody would ever meet the reset itself: the connection
    would stay in every table, and writing to it would raise.
    """

    def _readOrWrite(self, selectable: Any, read: bool) -> None:
        super()._readOrWrite(selectable, read)
        if (
            read
            and selectable in self._readers
            and isinstance(selectable, Connection)
            and selectable.socket.getsockopt(SOL_SOCKET, SO_ERROR)
        ):
            self._disconnectSelectable(selectable, CONNECTION_LOST, True)


def install_reactor() -> None:
    """Installs our choice, unless a reactor is there already (`twistd --reactor`, or a test runner's).

    Must run before anything imports `twisted.internet.reactor`.
    """
    if "twisted.internet.reactor" in sys.modules:
        return
    try:
        import uvloop
    except ImportError:
        loop = asyncio.new_event_loop()
        reactor = _AsyncioReactor(loop)
    else:
        loop = uvloop.new_event_loop()
        reactor = _UvloopReactor(loop)
    asyncio.set_event_loop(loop)  # asyncio drivers ask for it before the loop runs
    installReactor(reactor)


def event_loop_of(reactor: object) -> asyncio.AbstractEventLoop | None:
    """The asyncio loop under this reactor, None when it has none."""
    return getattr(reactor, "_asyncioEventloop", None)


def soon(reactor: object) -> Callable[[Callable[[], None]], object]:
    """How to run something before this reactor sleeps again; the cheapest way it has.

    The asyncio reactor's `callLater(0, ...)` re-arms a timer each time, its loop's `call_soon` appends to a queue.
    """
    loop = event_loop_of(reactor)
    if loop is not None:
        return loop.call_soon
    return lambda function: reactor.callLater(0, function)  # type: ignore[attr-defined]  # any IReactorTime
