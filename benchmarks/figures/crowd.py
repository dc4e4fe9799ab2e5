"""CPU per delivered frame from 10 connections to 19,000, beside C with as many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..harness.fanout import PAUSE, Fanout
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most, reading
from ..harness.floor import floor
from ..harness.machine import file_limit
from ..harness.process import Child, python
from ..harness.stats import Ratio, ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 19_000
_STEPS = (10, 100, 1_000, 5_000, 10_000)
"""Told on the way, and compared with the baseline."""
_SPARE = 500
_AUDIENCES = 2


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _SUBSCRIBERS + _SPARE:
        raise NotAvailableError(
            f"a process may open {file_limit()} files here, and {_SUBSCRIBERS + _SPARE} are needed (ulimit -n)"
        )
    with (
        Fanout(floor(), _STEPS[0], processes=_AUDIENCES) as base,
        Fanout(Child("server", python("server")), _STEPS[0], processes=_AUDIENCES) as ours,
    ):

        def beside(size: int, seconds: float) -> Ratio:
            """Both at this size, in windows of about as many frames whatever the size."""
            ours.grow(size, base)
            turns, pause = min(max(3_000 // size, 1), 20), 0.02 if size >= _STEPS[-1] else PAUSE
            found = interleave(
                {"ours": lambda: ours.window(turns, pause), "floor": lambda: base.window(turns, pause)},
                plan.seconds(seconds),
                plan.tell,
            )
            return ratio(found["ours"], found["floor"])

        growth = [_growth(size, beside(size, 3)) for size in _STEPS]
        crowd = beside(_SUBSCRIBERS, 16)
    title = "CPU per delivered frame, 19,000 subscribers ÷ C floor with as many"
    return (*growth, reading("crowd", title, crowd, at_most(1.7, 1.4), "µs a frame", theirs="C"))


def _growth(size: int, found: Ratio) -> Reading:
    """Told, not compared: few windows, and of small crowds nothing but what a turn costs."""
    told = reading(f"crowd-{size}", f"the same with {size:,}", found, at_most(), "µs a frame", theirs="C")
    return dataclasses.replace(told, compared=False)


FIGURE = Figure("crowd", "CPU per delivered frame from 10 to 19,000 connections ÷ C send()", _take)
