"""Backends that answer in a later turn, as those on other machines do.

Everything must mean the same, however long an answer takes: what passes with the memory drivers passes with
them behind `late`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface, directlyProvides
from zope.interface.interface import Method

__all__ = ["late"]

AT_ONCE = ("listen",)
"""What is no question: it stays a plain call."""


class Late:
    """Stands before a backend; attributes that are not questions are the backend's own."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def late(interface: type[Interface], backend: Any, clock: IReactorTime) -> Any:
    """`backend`, doing what it is asked in the next turn and telling in the one after that, in order."""
    front = Late(backend)
    for name, attribute in interface.namesAndDescriptions():
        if isinstance(attribute, Method) and name not in AT_ONCE:
            setattr(front, name, _later(backend, name, clock))
    directlyProvides(front, interface)
    return front


def _later(backend: Any, name: str, clock: IReactorTime) -> Callable[..., Deferred[Any]]:
    def ask(*args: Any, **named: Any) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()

        def act() -> None:
            done: Deferred[Any] = maybeDeferred(getattr(backend, name), *args, **named)
            done.addBoth(tell)  # type: ignore[unused-awaitable]  # `tell` takes failures too

        def tell(result: Any) -> None:
            clock.callLater(0, answer.callback, result)

        clock.callLater(0, act)
        return answer

    return ask
