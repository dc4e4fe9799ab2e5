"""A circuit breaker: an endpoint that fails again and again is asked one thing at a time, and not all the time."""

from __future__ import annotations

from ...protocol.webhooks import backoff

__all__ = ["Breaker"]

_FAILURES = 5
"""Deliveries in a row whose first attempt failed that open the circuit; for other attempts, failures in a row."""
_LONGEST = 60.0


class Breaker:
    """Closed, open until some moment, or half open: then one attempt decides.

    A delivery that fails again says nothing new about the endpoint: it may be one that is always refused. So only first
    attempts open the circuit, and any success closes it. An endpoint that answers while it is open is well enough to
    hear each delivery once. What it has refused before it hears again once in a while only, as soon as nothing else has
    succeeded for some attempts; those pauses are never longer than the ones of a single delivery that has failed as
    often.
    """

    __slots__ = ("_again_from", "_failures", "_from", "_refusals", "_row", "_silences")

    def __init__(self) -> None:
        self._failures = self._row = 0
        """Failures since the last success: of first attempts, and all."""
        self._silences = 0
        """Attempts without an answer since the circuit opened, in a row."""
        self._refusals = 0
        """Failures of deliveries that had failed before, since there were too many in a row."""
        self._from = self._again_from = 0.0
        """When the next attempt may be made, and the next that is not a delivery's first."""

    @property
    def tripped(self) -> bool:
        """Whether no more than one attempt at a time may be made."""
        return self._failures >= _FAILURES

    @property
    def silent(self) -> bool:
        """Whether the circuit is open, and the last attempt was not answered."""
        return self._silences > 0

    def pause(self, now: float, *, first: bool = True) -> float:
        """Seconds until an attempt may be made; 0 when it may be made now."""
        return max(0.0, self._from - now, 0.0 if first else self._again_from - now)

    def succeeded(self) -> bool:
        """Close the circuit; whether it was open."""
        was = self.tripped
        self._failures = self._row = self._silences = self._refusals = 0
        self._from = self._again_from = 0.0
        return was

    def failed(self, now: float, *, first: bool, rest: float | None) -> bool:
        """Count a failure; whether it has opened the circuit that was closed.

        `first`: it was the delivery's first attempt. `rest`: the seconds that an endpoint that answers is left alone
        for; None: it did not answer, and is left alone for longer each time. Attempts that were under way when the
        circuit opened change nothing.
        """
        was = self.tripped
        if was and now < self._from:
            return False
        self._failures += first
        self._row += 1
        if self._row >= _FAILURES and now >= self._again_from and not (first and self._refusals):
            self._refusals += 1
            self._again_from = now + _backoff(self._refusals)
        if not self.tripped:
            return False
        if rest is None:
            self._silences += 1
            rest = _backoff(self._silences)
        else:
            self._silences = 0
        self._from = now + min(rest, _LONGEST)
        return not was


def _backoff(failures: int) -> float:
    return backoff(failures, 1.0, _LONGEST)
