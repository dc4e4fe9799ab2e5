"""The server's work on connections that end, slice by slice: how long each held the reactor, and what it told."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from sockudo_tx.connection_log import ConnectionLog
from sockudo_tx.engine.connections import Connections
from sockudo_tx.engine.facts import FactTeller
from sockudo_tx.engine.leaving import Leaving
from sockudo_tx.interfaces import Fact
from sockudo_tx.protocol.app import App

__all__ = ["Slices"]

_SLICES: tuple[tuple[type, str], ...] = (
    (Connections, "gone"),
    (Leaving, "_work"),
    (ConnectionLog, "_write_some"),
    (FactTeller, "_look"),
)


class Slices:
    """Puts itself around every entry into that work and counts the facts; made before the server."""

    def __init__(self) -> None:
        self._longest: dict[str, int] = {}
        self._busiest: dict[str, int] = {}
        self._facts: Counter[str] = Counter()
        """Texts, which the garbage collector does not look at."""
        for owner, name in _SLICES:
            self._time(owner, name)
        self._count()

    def longest(self) -> dict[str, float]:
        """Milliseconds of the longest slice of each kind since the last time."""
        return _milliseconds(self._longest)

    def busiest(self) -> dict[str, float]:
        """The same in CPU time: without what others on the machine took in between."""
        return _milliseconds(self._busiest)

    def facts(self) -> dict[str, int]:
        """How many facts of each kind were told since the last time, and how many of them more than once."""
        told, self._facts = self._facts, Counter()
        kinds = Counter(fact.partition(" ")[0] for fact in told)
        return {**kinds, "repeated": sum(count > 1 for count in told.values())}

    def _time(self, owner: type, name: str) -> None:
        original = getattr(owner, name, None)
        if original is None:
            return
        label = f"{owner.__name__}.{name.lstrip('_')}"

        def timed(*arguments: Any, **named: Any) -> Any:
            began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
            try:
                return original(*arguments, **named)
            finally:
                busy, spent = time.thread_time_ns() - began_cpu, time.perf_counter_ns() - began
                if spent > self._longest.get(label, 0):
                    self._longest[label] = spent
                if busy > self._busiest.get(label, 0):
                    self._busiest[label] = busy

        setattr(owner, name, timed)

    def _count(self) -> None:
        tell = FactTeller.tell

        def counted(teller: FactTeller, app: App, fact: Fact) -> None:
            self._facts[f"{fact.name} {fact.channel} {fact.user_id} of {app.id}"] += 1
            tell(teller, app, fact)

        FactTeller.tell = counted  # type: ignore[method-assign]


def _milliseconds(nanoseconds: dict[str, int]) -> dict[str, float]:
    found = {name: spent / 1e6 for name, spent in nanoseconds.items()}
    nanoseconds.clear()
    return found
