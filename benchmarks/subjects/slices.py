"""The server's work on connections that end and on webhooks, slice by slice: how many, and how long the longest."""

from __future__ import annotations

import time
from typing import Any

from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.backends.sqlite.webhook_queue import SqliteWebhookQueue
from sockudo_tx.backends.webhooks.connections import _Connection
from sockudo_tx.backends.webhooks.http import HttpSender
from sockudo_tx.connection_log import ConnectionLog
from sockudo_tx.engine.connections import Connections
from sockudo_tx.engine.counts import SubscriptionCounts
from sockudo_tx.engine.facts import FactTeller
from sockudo_tx.engine.leaving import Leaving
from sockudo_tx.engine.webhooks import Collector, Dispatcher

from .waited import waiting

__all__ = ["Slices"]

_SLICES: tuple[tuple[type, str], ...] = (
    (Connections, "gone"),
    (Leaving, "_work"),
    (ConnectionLog, "_write_some"),
    (SubscriptionCounts, "tell"),
    (FactTeller, "_look"),
    (Collector, "_complete"),
    (Collector, "_turn"),
    (Collector, "_accepted"),
    (MemoryWebhookQueue, "put"),
    (MemoryWebhookQueue, "_ring"),
    (SqliteWebhookQueue, "put"),
    (Dispatcher, "_look"),
    (Dispatcher, "_told"),
    (HttpSender, "send"),
    (_Connection, "makeConnection"),
    (_Connection, "dataReceived"),
    (_Connection, "connectionLost"),
)
"""Every way into that work. Some are inside others, to tell where the time goes."""
_LIMIT = 5_000_000
"""Nanoseconds that no slice may take."""


class _Timing:
    """All slices of one kind, in nanoseconds: of the longest, and how many were over the limit.

    By the clock; held, which is the same without the time in which other programs had the processor; and busy, which
    is also without what was waited for: locks, the disk.
    """

    __slots__ = ("busy", "busy_over", "held", "held_over", "runs", "wall", "wall_over")

    def __init__(self) -> None:
        self.runs = self.wall = self.held = self.busy = 0
        self.wall_over = self.held_over = self.busy_over = 0

    def add(self, wall: int, held: int, busy: int) -> None:
        self.runs += 1
        self.wall, self.held, self.busy = max(self.wall, wall), max(self.held, held), max(self.busy, busy)
        self.wall_over += wall > _LIMIT
        self.held_over += held > _LIMIT
        self.busy_over += busy > _LIMIT

    def told(self) -> dict[str, float]:
        return {
            "runs": self.runs,
            "wall": self.wall / 1e6,
            "held": self.held / 1e6,
            "busy": self.busy / 1e6,
            "wall_over": self.wall_over,
            "held_over": self.held_over,
            "busy_over": self.busy_over,
        }


class Slices:
    """Puts itself around every way into that work; made before the server, in the reactor's thread."""

    def __init__(self) -> None:
        self._waited = waiting()
        self._timings = {f"{owner.__name__.lstrip('_')}.{name.lstrip('_')}": _Timing() for owner, name in _SLICES}
        for (owner, name), label in zip(_SLICES, self._timings, strict=True):
            self._time(owner, name, label)

    def take(self) -> dict[str, dict[str, float]]:
        """Of each kind since the last time, in milliseconds, see `_Timing`."""
        found = {label: timing.told() for label, timing in self._timings.items() if timing.runs}
        for label in self._timings:
            self._timings[label] = _Timing()
        return found

    def _time(self, owner: type, name: str, label: str) -> None:
        original, timings, now_waited = getattr(owner, name), self._timings, self._waited

        def timed(*arguments: Any, **named: Any) -> Any:
            waited, busy, wall = now_waited(), time.thread_time_ns(), time.perf_counter_ns()
            try:
                return original(*arguments, **named)
            finally:
                wall = time.perf_counter_ns() - wall
                busy = time.thread_time_ns() - busy
                timings[label].add(wall, wall - (now_waited() - waited), busy)

        setattr(owner, name, timed)
