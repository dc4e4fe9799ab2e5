"""Continuing with an `Answer`: in the same turn when it is there, later when it must be waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..interfaces import Answer, BackendError

__all__ = ["ask", "when"]

T = TypeVar("T")


def when(
    answer: Answer[T], then: Callable[[T], None], otherwise: Callable[[BackendError], None]
) -> Deferred[None] | None:
    """Call `then` with the answer, or `otherwise` with its failure; a Deferred only if that is still to come.

    Only `BackendError` goes to `otherwise`; any other failure is a bug and travels on: in the Deferred, or raised
    here when the answer is there already.
    """
    if not isinstance(answer, Deferred):
        then(answer)
        return None

    def failed(failure: Failure) -> None:
        failure.trap(BackendError)
        assert isinstance(failure.value, BackendError)  # trap saw to it
        otherwise(failure.value)

    done: Deferred[None] = answer.addCallbacks(then, failed)
    if not done.called or done.paused:
        return done
    if isinstance(done.result, Failure):
        bug = done.result
        done.addErrback(lambda _: None)  # type: ignore[unused-awaitable]  # raised instead
        bug.raiseException()
    return None


def ask(
    question: Callable[[], Answer[T]], then: Callable[[T], None], otherwise: Callable[[BackendError], None]
) -> Deferred[None] | None:
    """`when`, for a question that may also fail at once by raising `BackendError`."""
    try:
        answer = question()
    except BackendError as error:
        otherwise(error)
        return None
    return when(answer, then, otherwise)
