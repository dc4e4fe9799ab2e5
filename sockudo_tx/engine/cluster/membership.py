"""Being one of the nodes: the lease is renewed, and what the authority has lost or taken away is told again.

another epoch    the authority has lost all it knew: register quietly; until everybody has had time to, clients are
                 told of nobody's leaving, then of what really differs (scaling.md 5.5)
fenced           we were taken for dead: another id, and everything anew under it (scaling.md 6.12)
"""

from __future__ import annotations

import random
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ...interfaces import BackendError, IAuthority, Lease
from ..answers import ask
from ..mirrors import Mirrors
from ..node import Node
from .registration import Registration
from .settings import ClusterSettings
from .tally import ClusterTally

__all__ = ["Membership"]

_AGAIN = 1.0
"""Seconds until a registration that failed is tried again."""
REMEMBERED = 8
"""Epochs that were: a late word of one of them is none of the next."""
_LATE = 10.0
"""Seconds after which nothing is under way any more that was told under an earlier id: longer than a call is tried."""
_SETTLE = 3.0
"""Seconds that everybody gets to register, beside a heartbeat."""


class Membership:
    """`changed` is told of a new epoch, `renamed` of the id that the node had; `settled` comes when everybody
    has told an authority that had lost it what it knows, and when a node that was taken for dead is back."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        authority: IAuthority,
        node: Node,
        mirrors: Mirrors,
        registration: Registration,
        settings: ClusterSettings,
        tally: ClusterTally,
        changed: Callable[[str], None],
        renamed: Callable[[str], None],
        settled: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._authority = authority
        self._node = node
        self._mirrors = mirrors
        self._registration = registration
        self._settings = settings
        self._tally = tally
        self._changed = changed
        self._renamed = renamed
        self._all_known = settled
        self._epoch: str | None = None
        self._past: tuple[str, ...] = ()
        self._deserted: tuple[str, ...] = ()
        """Ids that were given up, and whose facts have to go."""
        self._heartbeat: IDelayedCall | None = None
        self._timers: dict[str, IDelayedCall] = {}
        """what for -> when"""
        self._stopped = False

    def start(self) -> None:
        """Take the lease, and keep it."""
        self.renew()

    def stop(self) -> None:
        """Keep it no more."""
        self._stopped = True
        for timer in (*self._timers.values(), *([self._heartbeat] if self._heartbeat else [])):
            timer.cancel()
        self._timers.clear()
        self._heartbeat = None

    def renew(self, then: Callable[[], None] = lambda: None) -> None:
        """Renew the lease now; `then` when it holds and nothing was lost."""
        if self._stopped:
            return
        if self._heartbeat is not None and self._heartbeat.active():
            self._heartbeat.cancel()
        self._heartbeat = self._clock.callLater(self._settings.heartbeat, self.renew)
        node = self._node.id

        def leased(lease: Lease) -> None:
            if node != self._node.id or self._stopped:
                return
            if lease.fenced:
                self._take_another_id()
            elif not self.seen(lease.epoch):
                then()

        ask(lambda: self._authority.lease(node, self._settings.lease), leased, self._failed)

    def seen(self, epoch: str) -> bool:
        """The authority was heard in this epoch; whether it is a new one."""
        if self._epoch is None:
            self._epoch = epoch
        if epoch == self._epoch or epoch in self._past or self._stopped:
            return False
        self._past = (*self._past[-REMEMBERED + 1 :], self._epoch)
        self._epoch = epoch
        self._log.warn("the shared state was lost: this node tells the authority what it knows again")
        self._mirrors.settle()
        self._changed(epoch)
        self._after("register", random.random(), lambda: self.register("epoch"))  # noqa: S311
        self._after("settle", self._settings.heartbeat + _SETTLE, self._settled)
        return True

    def register(self, reason: str) -> None:
        """Tell the authority everything, quietly, as often as it takes."""
        self._tally.registrations[reason] += 1

        def failed(error: BackendError) -> None:
            self._failed(error)
            self._after("register", _AGAIN, lambda: self.register(reason))

        ask(self._registration.quiet, lambda _: None, failed)

    def start_anew(self) -> None:
        """Too much was not told in time, and is forgotten: what is true is registered under another id.

        Then the earlier one goes, and everybody learns of exactly what is no more (`IAuthority.register`).
        """
        earlier = self._node.id
        self._node.rename()
        self._renamed(earlier)
        self.renew()
        self._move((*self._deserted, earlier))

    def _move(self, deserted: tuple[str, ...]) -> None:
        self._deserted = deserted
        self._tally.registrations["backlog"] += 1

        def failed(error: BackendError) -> None:
            self._failed(error)
            self._after("move", _AGAIN, lambda: self._move(self._deserted))

        def desert(left: int) -> None:
            if not left:
                self._deserted = self._deserted[1:]
            if self._deserted:
                ask(lambda: self._authority.reap(self._deserted[0]), desert, failed)
            else:
                self._after("sweep", _LATE, self._sweep)

        ask(self._registration.quiet, lambda _: desert(1), failed)

    def _settled(self) -> None:
        """By now everybody has registered: what still differs is so."""
        self._mirrors.settled()
        self._all_known()

    def _take_another_id(self) -> None:
        earlier = self._node.id
        self._node.rename()
        self._log.warn("this node was taken for dead: it goes on as {node}", node=self._node.id, earlier=earlier)
        self._renamed(earlier)
        self._come_back(earlier)

    def _come_back(self, earlier: str) -> None:
        self._tally.registrations["fenced"] += 1

        def failed(error: BackendError) -> None:
            self._failed(error)
            self._after("come back", _AGAIN, lambda: self._come_back(earlier))

        def back(_: None) -> None:
            self._mirrors.resync_all("fenced")
            self._all_known()
            self._after("sweep", _LATE, self._sweep)

        self.renew()
        ask(lambda: self._registration.aloud(earlier), back, failed)

    def _sweep(self, earlier: tuple[str, ...] | None = None) -> None:
        """What came under one of our earlier ids after its end goes too: nobody else would ever look for it."""
        left = self._node.earlier if earlier is None else earlier

        def swept(more: int) -> None:
            self._sweep(left if more else left[1:])

        def failed(error: BackendError) -> None:
            self._failed(error)
            self._after("sweep", _AGAIN, lambda: self._sweep(left))

        if left and not self._stopped:
            ask(lambda: self._authority.reap(left[0]), swept, failed)

    def _after(self, what: str, seconds: float, then: Callable[[], None]) -> None:
        """Do it once, the last time it was asked for."""
        if (timer := self._timers.pop(what, None)) is not None:
            timer.cancel()

        def now() -> None:
            del self._timers[what]
            then()

        if not self._stopped:
            self._timers[what] = self._clock.callLater(seconds, now)

    def _failed(self, error: BackendError) -> None:
        self._log.warn("the shared state is unavailable: {error}", error=str(error))
