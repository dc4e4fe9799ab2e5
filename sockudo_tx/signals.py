"""SIGTERM and SIGINT: the first drains and ends with exit status 0, the second ends at once, a third kills.

Twisted's own handlers make twistd end by re-raising the signal, which containers report as a failure; ours take
over once the reactor runs. Source: configuration.md 8.6, scaling.md 10.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorFromThreads

__all__ = ["take_over"]


def take_over(reactor: IReactorFromThreads, drain: Callable[[], object], hurry: Callable[[], object]) -> None:
    """Run `drain` on the first SIGTERM or SIGINT and `hurry` on the second, both in the reactor's thread.

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

    signal.signal(signal.SIGTERM, heard)
    signal.signal(signal.SIGINT, heard)
