"""Waiting for an answer only when it is not there yet, and never for ever."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.interfaces import IReactorTime

from ...interfaces import Answer, BackendError

__all__ = ["ask_within", "begun", "settled"]

T = TypeVar("T")


def begun(work: Coroutine[Any, Any, None]) -> defer.Deferred[None] | None:
    """Do as much of it as can be done now; fires when the rest is done. None when nothing is left.

    Most calls never wait, and then the Deferred would cost more than they do, and be garbage in a cycle.
    """
    try:
        work.send(None)
    except StopIteration:
        return None
    return defer.Deferred.fromCoroutine(work)  # what it waits for is asked for once more, and waits on


async def settled(answer: Answer[T]) -> T:
    """The answer itself."""
    return await answer if isinstance(answer, defer.Deferred) else answer


async def ask_within(question: Callable[[], Answer[T]], seconds: float, clock: IReactorTime) -> T:
    """The answer to the question. A backend that takes longer than `seconds` has failed: `BackendError`."""
    answer = question()
    if not isinstance(answer, defer.Deferred):
        return answer
    try:
        return await answer.addTimeout(seconds, clock)
    except defer.TimeoutError as error:
        raise BackendError(f"no answer within {seconds:g} s") from error
