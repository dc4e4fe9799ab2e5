"""A circuit breaker: an endpoint that fails again and again is asked once in a while instead of for every delivery."""

from __future__ import annotations

from ...protocol.webhooks import backoff

__all__ = ["Breaker"]

_FAILURES = 5
"""Failures in a row that open the circuit."""
_LONGEST = 60.0


class Breaker:
    """Closed, open until some moment, or half open: then one attempt decides.

    The pauses are never longer than those of a single delivery that has failed as often, which therefore never meets
    an open circuit of its own making.
    """

    __slots__ = ("_failures", "_until")

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    @property
    def tripped(self) -> bool:
        """Whether no more than one attempt at a time may be made."""
        return self._failures >= _FAILURES

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    def pause(self, now: float) -> float:
        """Seconds until an attempt may be made; 0 when it may be made now."""
        return max(0.0, self._until - now) if self.tripped else 0.0

    def succeeded(self) -> bool:
        """Close the circuit; whether it was open."""
        was = self.tripped
        self._failures = 0
        return was

    def failed(self, now: float) -> bool:
        """Count a failure; whether it has opened the circuit that was closed.

        Attempts that were under way when it opened change nothing.
        """
        was = self.tripped
        if was and now < self._until:
            return False
        self._failures += 1
        if self.tripped:
            self._until = now + backoff(self._failures - _FAILURES + 1, 1.0, _LONGEST)
        return self.tripped and not was
