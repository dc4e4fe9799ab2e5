"""CPU of a server whose 10,000 connections say nothing, beside the same server without any."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..harness.fanout import Fanout
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most
from ..harness.machine import file_limit
from ..harness.process import Child, python

__all__ = ["FIGURE"]

_CONNECTIONS = 10_000
_SPARE = 500


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _CONNECTIONS + _SPARE:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {_CONNECTIONS + _SPARE} are needed")
    seconds = plan.seconds(8)
    with (
        Child("empty server", python("server")) as empty,
        Fanout(Child("server", python("server")), _CONNECTIONS) as ours,
    ):
        plan.tell(f"{seconds:.0f} s of silence")
        before = empty.settled(), ours.subject.settled()
        time.sleep(seconds)
        after = empty.settled(), ours.subject.settled()
        resident = (ours.subject.resident() - empty.resident()) / 1024 / _CONNECTIONS
    alone, crowded = ((end - begin) / 1e6 / seconds for begin, end in zip(before, after, strict=True))
    return (
        Reading(
            "idle",
            "CPU a second that 10,000 silent connections add, pings aside",
            max(0.0, crowded - alone),
            at_most(1.0),
            unit="ms",
            absolute={"with 10,000, ms": crowded, "with none, ms": alone, "memory, KiB a connection": resident},
            compared=False,
        ),
    )


FIGURE = Figure("idle", "CPU of an idle server with 10,000 connections", _take)
