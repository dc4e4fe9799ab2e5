"""The timers of one node, which stop when the node does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer

__all__ = ["OwnTime"]


@implementer(IReactorTime)
class OwnTime:
    """The time of `base`, with timers of its own: those of a frozen node are late, those of a dead one never come."""

    def __init__(self, base: IReactorTime) -> None:
        self._base = base
        self._calls: list[DelayedCall] = []
        self._wake: IDelayedCall | None = None
        self._running = True

    def seconds(self) -> float:
        return self._base.seconds()

    def callLater(self, delay: float, function: Callable[..., Any], *args: object, **kw: object) -> IDelayedCall:
        call = DelayedCall(
            self.seconds() + delay, function, args, kw, self._calls.remove, lambda _: self._arm(), self.seconds
        )
        self._calls.append(call)
        self._arm()
        return call

    def getDelayedCalls(self) -> list[DelayedCall]:
        return self._calls

    def freeze(self) -> None:
        """Whatever comes due waits for `thaw`."""
        self._running = False
        self._disarm()

    def thaw(self) -> None:
        self._running = True
        self._arm()

    def die(self) -> None:
        """Nothing comes due any more."""
        self.freeze()
        self._calls.clear()

    def _arm(self) -> None:
        if not self._running or not self._calls:
            self._disarm()
            return
        at = min(call.getTime() for call in self._calls)
        if self._wake is not None and self._wake.active():
            if self._wake.getTime() == at:
                return
            self._wake.cancel()
        self._wake = self._base.callLater(max(0.0, at - self.seconds()), self._run)

    def _disarm(self) -> None:
        if self._wake is not None and self._wake.active():
            self._wake.cancel()
        self._wake = None

    def _run(self) -> None:
        """One turn: what is due now, without what comes of it."""
        self._wake = None
        now = self.seconds()
        due = sorted((call for call in self._calls if call.getTime() <= now), key=lambda call: call.getTime())
        for call in due:
            if call.active() and call.getTime() <= now and call in self._calls:
                self._calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        self._arm()


def advance(clock: Clock, seconds: float) -> None:
    """Let time pass, stopping at every moment something is due."""
    end = clock.seconds() + seconds
    while calls := [call.getTime() for call in clock.getDelayedCalls() if call.getTime() <= end]:
        clock.advance(max(0.0, min(calls) - clock.seconds()))
    clock.advance(max(0.0, end - clock.seconds()))
