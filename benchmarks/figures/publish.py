"""CPU per delivered frame: one event a turn to 1,000 subscribers, beside one C send() each."""

from __future__ import annotations

from collections.abc import Sequence

from ..harness.fanout import PAUSE, TURNS, Fanout
from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.floor import floor
from ..harness.process import Child, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 1000


def _take(plan: Plan) -> Sequence[Reading]:
    with Fanout(floor(), _SUBSCRIBERS) as base, Fanout(Child("server", python("server")), _SUBSCRIBERS) as ours:
        found = interleave(
            {"ours": lambda: ours.window(TURNS, PAUSE), "floor": lambda: base.window(TURNS, PAUSE)},
            plan.seconds(14),
            plan.tell,
        )
    return (
        reading(
            "publish",
            "CPU per delivered frame, 1,000 subscribers, one event a turn ÷ C floor",
            ratio(found["ours"], found["floor"]),
            at_most(1.5, 1.25),
            "µs a frame",
            theirs="C",
        ),
    )


FIGURE = Figure("publish", "CPU per delivered frame, one event a turn ÷ C send()", _take)
