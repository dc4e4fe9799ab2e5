"""Backends that are down or slow."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from sockudo_tx.interfaces import BackendError, IApps, ICache
from sockudo_tx.protocol.app import App

__all__ = ["AilingCache", "SlowCache", "UnreachableApps"]


@implementer(IApps)
class UnreachableApps:
    """A store whose database is gone."""

    def by_key(self, key: str) -> App | None:
        raise BackendError("connection refused")

    def by_id(self, app_id: str) -> App | None:
        raise BackendError("connection refused")

    def all(self) -> list[App]:
        raise BackendError("connection refused")


@implementer(ICache)
class AilingCache:
    """A cache whose health is what the test says."""

    def __init__(self, *answers: bool | Deferred[bool] | BackendError) -> None:
        self._answers = list(answers)

    def get(self, key: str) -> None:
        raise BackendError("down")

    def set(self, key: str, value: str, ttl: float | None = None) -> None:
        raise BackendError("down")

    def add(self, key: str, value: str, ttl: float | None = None) -> bool:
        raise BackendError("down")

    def remove(self, key: str) -> None:
        raise BackendError("down")

    def health(self) -> bool | Deferred[bool]:
        answer = self._answers.pop(0)
        if isinstance(answer, BackendError):
            raise answer
        return answer


@implementer(ICache)
class SlowCache:
    """The memory cache behind a network: answers come when the test says so."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.waiting: list[tuple[Deferred[Any], Any]] = []

    def __getattr__(self, name: str) -> Any:
        def later(*arguments: Any) -> Deferred[Any]:
            answer: Deferred[Any] = Deferred()
            self.waiting.append((answer, getattr(self._inner, name)(*arguments)))
            return answer

        return later

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for answer, value in waiting:
            answer.callback(value)
