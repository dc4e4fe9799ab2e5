"""SIGHUP with workers: they are replaced one at a time, so that every one reads settings and certificates anew.

    read once, here -> refused as a whole, or: start the next -> it is ready -> the one before drains -> the next slot

A worker that does not get ready ends the round: the others go on with what they have. Source: scaling.md 7.3,
decisions.md 51.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..config.load import Loaded
from .supervisor import Slot, Supervisor

__all__ = ["Rolling"]


class Rolling:
    """At most one round at a time, and one more after it when it was asked for meanwhile."""

    _log = Logger()

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._again: tuple[Loaded, list[Deferred[bool]]] | None = None
        self.under_way = False
        """Whether workers are being replaced."""

    @property
    def waiting(self) -> bool:
        """Whether a round is to follow the one under way."""
        return self._again is not None

    def roll(self, loaded: Loaded) -> Deferred[bool]:
        """Replace every worker by one with this configuration. Whether all of them were."""
        done: Deferred[bool] = Deferred()
        others = self._again[1] if self._again is not None else []  # whose settings are not the newest any more
        self._again = (loaded, [*others, done])
        if not self.under_way:
            self._next_round()
        return done

    def _next_round(self) -> None:
        asked, self._again = self._again, None
        self.under_way = asked is not None
        if asked is None:
            return
        loaded, waits = asked
        round_ = Deferred.fromCoroutine(self._round(loaded))
        round_.addErrback(self._broken)  # type: ignore[unused-awaitable]

        def ended(succeeded: bool) -> None:
            for done in waits:
                done.callback(succeeded)
            self._next_round()

        round_.addCallback(ended)  # type: ignore[unused-awaitable]  # the chain ends here

    async def _round(self, loaded: Loaded) -> bool:
        supervisor = self._supervisor
        before, supervisor.loaded = supervisor.loaded, loaded
        replaced = 0
        for slot in supervisor.slots:
            if supervisor.draining:
                return False
            old = slot.current
            slot.restarts.forget()
            if not await supervisor.replace(slot):
                if not replaced:
                    supervisor.loaded = before  # nobody can start with it
                self._stop(slot, replaced)
                return False
            replaced += 1
            if old is not None:
                await old.over()
        self._log.info("all {workers} workers were replaced", workers=replaced)
        return True

    def _stop(self, slot: Slot, replaced: int) -> None:
        if self._supervisor.draining:
            return
        self._log.error(
            "the new worker {worker} did not get ready; {replaced} of {workers} workers were replaced, the others go "
            "on as they were",
            worker=slot.number + 1,
            replaced=replaced,
            workers=len(self._supervisor.slots),
        )

    def _broken(self, failure: Failure) -> bool:
        self._log.failure("replacing the workers failed", failure)
        return False
