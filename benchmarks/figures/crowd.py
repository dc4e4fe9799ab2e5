"""CPU per delivered frame at 19,000 connections, beside C with as many."""

from __future__ import annotations

from collections.abc import Sequence

from ..harness.fanout import Fanout
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most, reading
from ..harness.floor import floor
from ..harness.machine import file_limit
from ..harness.process import Child, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 19_000
_SPARE = 500
_AUDIENCES = 2


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _SUBSCRIBERS + _SPARE:
        raise NotAvailableError(
            f"a process may open {file_limit()} files here, and {_SUBSCRIBERS + _SPARE} are needed (ulimit -n)"
        )
    with (
        Fanout(floor(), _SUBSCRIBERS, processes=_AUDIENCES) as base,
        Fanout(Child("server", python("server")), _SUBSCRIBERS, processes=_AUDIENCES) as ours,
    ):
        found = interleave(
            {"ours": lambda: ours.window(1, 0.02), "floor": lambda: base.window(1, 0.02)},
            plan.seconds(16),
            plan.tell,
        )
    return (
        reading(
            "crowd",
            "CPU per delivered frame, 19,000 subscribers ÷ C floor with as many",
            ratio(found["ours"], found["floor"]),
            at_most(1.7, 1.4),
            "µs a frame",
            theirs="C",
        ),
    )


FIGURE = Figure("crowd", "CPU per delivered frame at 19,000 connections ÷ C send()", _take)
