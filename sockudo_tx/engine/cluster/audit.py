"""Comparing this node's member lists with the authority's: what nobody noticed is repaired (scaling.md 6.4)."""

from __future__ import annotations

import random

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ...interfaces import BackendError, IAuthority
from ..answers import ask
from ..mirrors import Key, Mirrors

__all__ = ["MirrorAudit"]

BATCH = 1000
"""Channels asked for at once."""


class MirrorAudit:
    """Looks every so often, and when told to. Only versions are read, and the lists of those that differ."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, authority: IAuthority, mirrors: Mirrors, interval: float) -> None:
        self._clock = clock
        self._authority = authority
        self._mirrors = mirrors
        self._interval = interval
        self._timer: IDelayedCall | None = None
        self._left: list[Key] = []
        self._reason = ""

    def start(self) -> None:
        """From now on."""
        self._timer = self._clock.callLater(self._interval * random.uniform(0.75, 1.25), self._turn)  # noqa: S311

    def stop(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._left = []

    def run(self, reason: str) -> None:
        """Compare all of them, from now on; `reason` is what repairs are counted under."""
        idle = not self._left
        self._left, self._reason = self._mirrors.keys(), reason
        if idle:
            self._some()

    def _turn(self) -> None:
        self.start()
        if not self._left:
            self.run("audit")

    def _some(self) -> None:
        keys, reason = self._left[-BATCH:], self._reason
        if not keys:
            return
        before = [self._mirrors.state(key) for key in keys]

        def told(found: list[tuple[str, int]]) -> None:
            for key, old, now in zip(keys, before, found, strict=True):
                state = self._mirrors.state(key)
                # One that has moved on since is compared by its changes.
                if state is not None and now != state and (state == old or now[0] != state[0] or now[1] > state[1]):
                    self._mirrors.resync(key, reason)
            go_on()

        def failed(error: BackendError) -> None:
            self._log.warn("member lists could not be compared: {error}", error=str(error))
            self._left = []

        def go_on() -> None:
            if self._left[-len(keys) :] == keys:  # else it began anew
                del self._left[-len(keys) :]
            self._some()

        ask(lambda: self._authority.versions(keys), told, failed)
