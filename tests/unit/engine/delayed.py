"""Backends that keep their callers waiting, and backends that fail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from sockudo_tx.interfaces import BackendError, IAuthorityListener, PresenceChange, UserChange

__all__ = ["Delayed"]


class _Ear:
    def __init__(self, backend: Delayed, listener: IAuthorityListener) -> None:
        self._backend = backend
        self._listener = listener

    def presence_changed(self, change: PresenceChange) -> None:
        if not self._backend.deaf:
            self._listener.presence_changed(change)

    def user_changed(self, change: UserChange) -> None:
        if not self._backend.deaf:
            self._listener.user_changed(change)


class Delayed:
    """Any backend, as one whose answers to the held methods come, in order, when the test releases them.

    `early` decides at once and only the answer is late, as when a broker's publication overtakes its reply;
    otherwise the question itself is on its way until it is released. Methods in `failing` answer with
    `BackendError`: late when they are held too, else at once.
    """

    def __init__(self, inner: Any, *, early: bool = False) -> None:
        self.inner = inner
        self.early = early
        self.held: set[str] = set()
        self.failing: set[str] = set()
        self.deaf = False
        """Whether what the authority publishes is lost on the way."""
        self.asked: list[str] = []
        """Names of the methods asked while they were held."""
        self._waiting: deque[tuple[str, Callable[[], None]]] = deque()

    def hold(self, *names: str) -> None:
        """Answer these late from now on."""
        self.held.update(names)

    def free(self) -> None:
        """Answer everything, and at once from now on."""
        self.held.clear()
        self.release()

    @property
    def waiting(self) -> list[str]:
        """Names of the methods whose answers are on their way."""
        return [name for name, _ in self._waiting]

    def release(self, count: int | None = None) -> None:
        """Let so many answers arrive; None lets all arrive, those asked for meanwhile too."""
        while self._waiting and count != 0:
            _, answer = self._waiting.popleft()
            answer()
            count = None if count is None else count - 1

    def listen(self, listener: IAuthorityListener) -> None:
        """Only an authority has listeners."""
        self.inner.listen(_Ear(self, listener))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        return (lambda *args: self._ask(name, method, args)) if callable(method) else method

    def _ask(self, name: str, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if name not in self.held:
            if name in self.failing:
                raise BackendError(f"{name} failed")
            return method(*args)
        self.asked.append(name)
        later: Deferred[Any] = Deferred()

        def decide() -> Callable[[], None]:
            if name in self.failing:
                return lambda: later.errback(BackendError(f"{name} failed"))
            result = method(*args)
            return lambda: later.callback(result)

        def late() -> None:
            decide()()

        self._waiting.append((name, decide() if self.early else late))
        return later
