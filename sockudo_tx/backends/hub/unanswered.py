"""What a worker has asked of the hub and not been answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...interfaces import BackendError
from . import wire
from .wire import Reply, WireError

__all__ = ["ANSWER_WITHIN", "Unanswered", "all_done"]

ANSWER_WITHIN = 5.0
"""Seconds after which a call has failed: the hub is there, and does nothing."""
_GIVEN_UP_AT_MOST = 10_000


class _Call(NamedTuple):
    waiting: Deferred[Any]
    wanted: Any
    """The type of its answer."""
    deadline: float
    late: Callable[[Any], None] | None


class Unanswered:
    """Calls by number. Time enters through the clock."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: dict[int, _Call] = {}
        """In the order of their deadlines."""
        self._patient: dict[int, _Call] = {}
        self._given_up: dict[int, _Call] = {}
        """Those whose answer matters even now."""
        self._alarm: IDelayedCall | None = None

    def add(self, number: int, wanted: Any, late: Callable[[Any], None] | None, patient: bool) -> Deferred[Any]:
        """The answer to this call; see `HubLink.call`."""
        waiting: Deferred[Any] = Deferred()
        calls = self._patient if patient else self._calls
        calls[number] = _Call(waiting, wanted, self._clock.seconds() + ANSWER_WITHIN, late)
        if self._alarm is None and not patient:
            self._alarm = self._clock.callLater(ANSWER_WITHIN, self._ring)
        return waiting

    def answer(self, number: int, reply: Reply) -> None:
        """The hub has replied."""
        for calls in (self._calls, self._patient, self._given_up):
            call = calls.pop(number, None)
            if call is not None:
                _answer(call, reply)
                return

    def end(self) -> Callable[[BackendError], None]:
        """There will be no more answers; gives what fails all that wait."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        calls = [*self._calls.values(), *self._patient.values()]
        self._calls, self._patient = {}, {}

        def fail(error: BackendError) -> None:
            for call in calls:
                if not call.waiting.called:
                    call.waiting.errback(error)

        return fail

    def _ring(self) -> None:
        """Fail what has waited too long."""
        self._alarm = None
        now = self._clock.seconds()
        expired: list[int] = []
        for number, call in self._calls.items():
            if call.deadline > now:
                self._alarm = self._clock.callLater(call.deadline - now, self._ring)
                break
            expired.append(number)
        for number in expired:
            call = self._calls.pop(number)
            if call.late is not None and len(self._given_up) < _GIVEN_UP_AT_MOST:
                self._given_up[number] = call
            if not call.waiting.called:
                call.waiting.errback(BackendError(f"the hub did not answer within {ANSWER_WITHIN:g} s"))


def all_done(calls: Sequence[Deferred[Any]]) -> Deferred[None]:
    """Fires when all of them have succeeded, or fails as the first that does."""
    done: Deferred[None] = DeferredList(calls, fireOnOneErrback=True, consumeErrors=True).addCallbacks(
        lambda _: None, lambda failure: failure.value.subFailure
    )
    return done


def _answer(call: _Call, reply: Reply) -> None:
    try:
        value = wire.decode(reply.value, call.wanted if reply.ok else str)
    except WireError as error:
        reply, value = reply._replace(ok=False), str(error)
    if call.waiting.called:
        if reply.ok and call.late is not None:
            call.late(value)
    elif reply.ok:
        call.waiting.callback(value)
    else:
        call.waiting.errback(BackendError(value))
