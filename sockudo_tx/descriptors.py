"""Out of open files: a warning now and then for the clients that had to be turned away.

Twisted then accepts and closes them at once, so that they do not wait for nothing, and says so at a level that nobody
reads, twice for each. Listens to those lines and makes one of them that says what to do.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, LogEvent, Logger
from zope.interface import implementer

__all__ = ["TurnedAway"]

INTERVAL = 10.0
"""Seconds between two warnings."""

# How the lines of `twisted.internet.tcp` begin that stand for one client each.
_ONE_CLIENT = ("EMFILE recovery: Closed socket", "Could not accept new connection")
_NEVER = float("-inf")


@implementer(ILogObserver)
class TurnedAway:
    """An observer of the log. `count` is how many clients found no open file left."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.count = 0
        self._clock = clock
        self._told_at = _NEVER

    def __call__(self, event: LogEvent) -> None:
        if not str(event.get("log_format")).startswith(_ONE_CLIENT):
            return
        self.count += 1
        now = self._clock.seconds()
        if now - self._told_at < INTERVAL:
            return
        self._told_at = now
        self._log.warn(
            "no open file is left, or no memory for one: {count} clients turned away so far. Raise the limit of open "
            "files (LimitNOFILE=, ulimit -n), or lower the apps' max_connections",
            count=self.count,
        )
