"""A lone event on an idle server: how long from the publisher's send() to the subscriber's recv()."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from ..harness.client import connect_wave, events, post, read_answer
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most
from ..harness.floor import floor
from ..harness.process import Child, python
from ..harness.publisher import Publisher
from ..harness.stats import quantile

__all__ = ["FIGURE"]

_FRAME = 251
_REST = 0.01
"""Seconds without traffic before each event."""


class _Lone:
    def __init__(self, subject: Child) -> None:
        self._subject = subject
        self._publisher = Publisher(subject.port, 1)
        self._subscriber = connect_wave(subject.port, 1, "pusher", "bench-0")[0]
        self.milliseconds: list[float] = []

    def once(self) -> None:
        request = post(self._subject.port, "/events", events("bench-0", ["x" * 200]))
        time.sleep(_REST)
        began = time.perf_counter()
        self._publisher.peers[0].sendall(request)
        seen = len(self._subscriber.recv(65536))
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        while seen < _FRAME:
            seen += len(self._subscriber.recv(65536))
        read_answer(self._publisher.peers[0])


def _take(plan: Plan) -> Sequence[Reading]:
    with ExitStack() as stack:
        sides = [_Lone(stack.enter_context(Child("server", python("server"))))]
        with suppress(NotAvailableError):
            sides.append(_Lone(stack.enter_context(floor())))
        end = time.monotonic() + plan.seconds(10)
        while time.monotonic() < end:
            plan.tell(f"{len(sides[0].milliseconds)} events")
            for side in sides:
                side.once()
    found = sides[0].milliseconds[5:]
    absolute = {"p95, ms": quantile(found, 0.95), "highest, ms": max(found), "events": len(found)}
    if len(sides) > 1:
        absolute["C median, ms"] = quantile(sides[1].milliseconds[5:], 0.5)
        absolute["C p99, ms"] = quantile(sides[1].milliseconds[5:], 0.99)
    return (
        Reading(
            "lone",
            "a lone event on an idle server, publish to receipt, median",
            quantile(found, 0.5),
            at_most(1.0),
            quantile(found, 0.25),
            quantile(found, 0.75),
            unit="ms",
            absolute=absolute,
            compared=False,
        ),
        Reading(
            "lone-p99",
            "the same, 99th percentile: what the machine adds is in it",
            quantile(found, 0.99),
            unit="ms",
            compared=False,
        ),
    )


FIGURE = Figure("lone", "a lone event on an idle server, publish to receipt", _take)
