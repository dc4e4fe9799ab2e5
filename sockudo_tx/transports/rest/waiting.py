"""Waiting for an answer only when it is not there yet, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet import defer
from twisted.internet.interfaces import IReactorTime

from ...interfaces import Answer, BackendError

__all__ = ["ask_within", "settled"]

T = TypeVar("T")


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
