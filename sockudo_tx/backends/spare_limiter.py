"""A limiter that others share, with one of our own for when it does not answer (decisions.md 14, scaling.md 12).

An outage of the limiter must not become an outage of publishing: no error of it reaches a caller.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..interfaces import Answer, BackendError, ILimiter
from ..protocol.limits import Quota, Verdict

__all__ = ["SpareLimiter"]

PATIENCE = 0.1
"""Seconds for one answer."""
FAILURES = 5
"""So many in a row, and it is not asked for a while."""
PAUSE = 5.0


@implementer(ILimiter)
class SpareLimiter:
    """Asks `shared`; what that does not answer in time, `own` decides with the same quota."""

    _log = Logger()

    def __init__(self, shared: ILimiter, own: ILimiter, clock: IReactorTime) -> None:
        self._shared = shared
        self._own = own
        self._clock = clock
        self._failures = 0
        self._again_at = 0.0

    def take(self, key: str, quota: Quota, weight: int = 1) -> Answer[Verdict]:
        if self._clock.seconds() < self._again_at:
            return self._own.take(key, quota, weight)
        try:
            answer = self._shared.take(key, quota, weight)
        except BackendError as error:
            return self._failed(Failure(error), key, quota, weight)
        if not isinstance(answer, Deferred):
            self._failures = 0
            return answer
        answer = answer.addTimeout(PATIENCE, self._clock)
        return answer.addCallbacks(self._answered, self._failed, errbackArgs=(key, quota, weight))

    def _answered(self, verdict: Verdict) -> Verdict:
        self._failures = 0
        return verdict

    def _failed(self, failure: Failure, key: str, quota: Quota, weight: int) -> Answer[Verdict]:
        self._failures += 1
        if self._failures >= FAILURES:
            if self._failures == FAILURES:
                self._log.warn("the rate limiter does not answer, this node counts alone: {why}", why=failure.value)
            self._again_at = self._clock.seconds() + PAUSE
        return self._own.take(key, quota, weight)
