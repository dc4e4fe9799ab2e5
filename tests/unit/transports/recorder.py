"""Stands where the engine is, and writes down what a transport tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.engine.tally import Tally
from sockudo_tx.protocol.app import LimitDefaults


class Recorder:
    """An engine that decides nothing. `calls` is one list of everything it was told, in order."""

    draining = False
    admitting = True

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.apps = MemoryApps([], LimitDefaults())
        self.tally = Tally()
        self.calls: list[tuple[Any, ...]] = []
        self.sinks: list[Any] = []
        self.misses = 0
        """Events that were dropped."""
        self.on_connect: Callable[[Any], None] = lambda sink: None
        self.on_hear: Callable[[Any, bytes], None] = lambda sink, payload: None

    @property
    def sink(self) -> Any:
        """The end of the connection that came last."""
        return self.sinks[-1]

    def connect(self, sink: Any, key: str, origin: str | None, address: str = "", client: str = "") -> Any:
        self.calls.append(("connect", key, origin))
        self.sinks.append(sink)
        self.on_connect(sink)
        return sink

    def hear(self, socket: Any, payload: bytes, binary: bool = False) -> None:
        assert type(payload) is bytes
        self.calls.append(("hear", payload, binary))
        self.on_hear(socket, payload)

    def alive(self, socket: Any) -> None:
        self.calls.append(("alive",))

    def answered(self, socket: Any) -> None:
        self.calls.append(("answered",))

    def closing(self, socket: Any, ending: Any = None) -> None:
        self.calls.append(("closing",))

    def missed(self, socket: Any) -> None:
        self.misses += 1

    def disconnected(self, socket: Any, ending: Any = None) -> None:
        self.calls.append(("disconnected",))

    def take(self) -> list[tuple[Any, ...]]:
        """The calls since the last `take`."""
        calls, self.calls = self.calls, []
        return calls
