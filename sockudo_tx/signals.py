"""SIGTERM and SIGINT: the first drains and ends with exit status 0, the second ends at once, a third kills.

SIGHUP reloads, unless it tells that the terminal we were started from is gone: then it drains. One that comes while
the server starts waits until it can be followed.

Twisted's own handlers make twistd end by re-raising the signal, which containers report as a failure; ours take
over once the reactor runs. Source: configuration.md 8.6, scaling.md 10, decisions.md 51.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # this is loaded first of all
    from twisted.internet.interfaces import IReactorFromThreads

__all__ = ["hold_reloads", "leave_when_told", "reap_children", "take_over"]


def hold_reloads() -> None:
    """SIGHUP waits from now on, for `take_over`. It would end a process that does not know of it yet."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def take_over(
    reactor: IReactorFromThreads,
    drain: Callable[[], object],
    hurry: Callable[[], object],
    reload: Callable[[], object],
) -> None:
    """Run `drain` on the first SIGTERM or SIGINT, `hurry` on the second, `reload` on SIGHUP, in the reactor's thread.

    Call it when the reactor is running, in the main thread.
    """
    asked = False

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            reactor.callFromThread(drain)
        else:
            signal.signal(number, signal.SIG_DFL)
            reactor.callFromThread(hurry)

    on_terminal = _is_terminal()

    def hung_up(number: int, frame: FrameType | None) -> None:
        if on_terminal and not _is_terminal():
            heard(number, frame)
        else:
            reactor.callFromThread(reload)

    signal.signal(signal.SIGHUP, hung_up)
    signal.signal(signal.SIGTERM, heard)
    signal.signal(signal.SIGINT, heard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def leave_when_told(reactor: IReactorFromThreads, drain: Callable[[], object], hurry: Callable[[], object]) -> None:
    """SIGTERM for a worker, which leaves SIGINT and SIGHUP to its parent: the first drains, the second ends at once."""
    asked = False

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        reactor.callFromThread(hurry if asked else drain)
        asked = True

    signal.signal(signal.SIGTERM, heard)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def reap_children(reactor: IReactorFromThreads) -> None:
    """Hear of each child that ends. Twisted does by itself, but uvloop takes the descriptor by which signals wake it.

    Call it when the reactor is running, in the main thread.
    """
    from twisted.internet.process import reapAllProcesses

    signal.signal(signal.SIGCHLD, lambda number, frame: reactor.callFromThread(reapAllProcesses))


def _is_terminal() -> bool:
    """Whether standard input is a terminal that is still there."""
    return os.isatty(0)
