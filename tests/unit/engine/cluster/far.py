"""An authority far away: answers in a later turn, in order, and fails while it is `down`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.interfaces import BackendError

__all__ = ["Far"]

RTT = 0.001
"""Seconds until an answer is there."""


class Far:
    """`calls` are those that came, with the time; `under_way` how many are not answered, `most` how many ever were."""

    def __init__(self, clock: Clock, inner: MemoryAuthority) -> None:
        self.clock = clock
        self.inner = inner
        self.down = False
        self.lossy: Callable[[], bool] = lambda: False
        """Whether an answer is lost though it was done."""
        self.held = False
        self.calls: list[tuple[float, str, tuple[Any, ...]]] = []
        self.under_way = self.most = 0
        self._held: deque[Callable[[], None]] = deque()

    def names(self, *names: str) -> list[tuple[str, tuple[Any, ...]]]:
        """Calls since the last time, of these names if any are given."""
        calls, self.calls = self.calls, []
        return [(name, args) for _, name, args in calls if not names or name in names]

    def release(self) -> None:
        """Answer what was held, in order."""
        self.held = False
        held, self._held = self._held, deque()
        for tell in held:
            tell()

    def __getattr__(self, name: str) -> Any:
        if name in {"epoch", "listen"}:
            return getattr(self.inner, name)
        return lambda *args: self._call(name, args)

    def _call(self, name: str, args: tuple[Any, ...]) -> Deferred[Any]:
        self.calls.append((self.clock.seconds(), name, args))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        answer: Deferred[Any] = Deferred()
        result: Any = Failure(BackendError("out of reach"))
        if not self.down:
            result = getattr(self.inner, name)(*args)
            if self.lossy():
                result = Failure(BackendError("the answer was lost"))

        def tell() -> None:
            self.under_way -= 1
            answer.callback(result)

        if not self.held and not self._held:
            self.clock.callLater(RTT, self._arrive)
        self._held.append(tell)
        return answer

    def _arrive(self) -> None:
        """Everything that was asked in one turn is answered in one."""
        if not self.held:
            self.release()
