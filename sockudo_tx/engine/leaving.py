"""Connections that have ended and are still in tables: taken out in order, a slice at a time (scaling.md 9).

A few that end by themselves are taken out at once. When a crowd goes, in one turn of the reactor as a rule, those
behind the first few wait, so that neither the turn nor any slice holds the reactor, and so that nobody is told of the
others who go with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..protocol.session import Session
from .tables import AppSpace, Socket

__all__ = ["Leaver", "Leaving"]

AT_ONCE = 8
"""Connections that may end within `CROWDED` before the next ones have to wait."""
CROWDED = 0.02
"""Seconds."""
SLICE = 50
"""How much is done before the reactor goes on; a channel of one connection is about 1, some 20 us."""
_TELLING = 6
"""2 ** this many members to be told of a departure are another 1."""


class Leaver(NamedTuple):
    """A connection that has ended: it has neither tables nor session any more, these are what it had."""

    socket: Socket
    space: AppSpace
    session: Session


class Leaving:
    """Calls `clean` with those that leave, never twice for one; `emptied` when nobody waits any more."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        clean: Callable[[Sequence[Leaver]], None],
        emptied: Callable[[], None],
        batch: int = SLICE,
    ) -> None:
        self._clock = clock
        self._clean = clean
        self._emptied = emptied
        self.batch = batch
        """Of one slice, at most; fewer when there is much to do for each."""
        self._waiting: deque[Leaver] = deque()
        self._settled: list[Deferred[None]] = []
        self._since = float("-inf")
        self._count = 0
        """That ended since then."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, leaver: Leaver, now: float) -> None:
        """Take it out, now or soon."""
        if now - self._since > CROWDED:
            self._since, self._count = now, 0
        self._count += 1
        if self._waiting:
            self._waiting.append(leaver)
        elif self._count <= AT_ONCE:
            self._clean((leaver,))
        else:
            self._waiting.append(leaver)
            self._clock.callLater(0, self._work)

    def settled(self) -> Deferred[None] | None:
        """Fires when nobody waits any more; None when that is so now."""
        if not self._waiting:
            return None
        settled: Deferred[None] = Deferred()
        self._settled.append(settled)
        return settled

    def _work(self) -> None:
        """One slice."""
        waiting = self._waiting
        slice_: list[Leaver] = []
        cost = 0
        while waiting and cost < SLICE and len(slice_) < self.batch:
            leaver = waiting.popleft()
            slice_.append(leaver)
            cost += _cost(leaver)
        try:
            self._clean(slice_)
        except Exception:  # noqa: BLE001  # the boundary: our bug must not keep the others in the tables
            self._log.failure("connections that have ended could not be taken out of the tables")
        if waiting:
            self._clock.callLater(0, self._work)
            return
        self._emptied()
        settled, self._settled = self._settled, []
        for each in settled:
            each.callback(None)


def _cost(leaver: Leaver) -> int:
    """What it takes to clean up behind this one, who may leave a large presence channel."""
    cost = 1
    channels = leaver.space.channels
    for name, member in leaver.session.channels.items():
        cost += 1
        if member is not None and (channel := channels.get(name)) is not None:
            cost += len(channel.subscribers) >> _TELLING
    return cost
