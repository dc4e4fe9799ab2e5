"""Ten events in one batch request to 1,000 subscribers, beside one C send() per frame."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..harness.client import events, post
from ..harness.fanout import PAUSE, TURNS, Fanout
from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.floor import floor
from ..harness.process import Child, python
from ..harness.publisher import Publisher
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 1000
_EVENTS = 10
_BATCHES = 3


def _take(plan: Plan) -> Sequence[Reading]:
    with Fanout(floor(), _SUBSCRIBERS) as base, Fanout(Child("server", python("server")), _SUBSCRIBERS) as ours:
        port = ours.subject.port
        publisher = Publisher(port, 1)

        def request() -> float:
            batches = [post(port, "/batch_events", events("bench-0", ["x" * 200] * _EVENTS)) for _ in range(_BATCHES)]

            def publish() -> None:
                for batch in batches:
                    publisher.send([batch])
                    time.sleep(PAUSE)

            return ours.cost(publish, _BATCHES * _EVENTS)

        found = interleave(
            {
                "rest": request,
                "floor": lambda: base.window(TURNS, PAUSE),
                "engine": lambda: ours.window(TURNS, PAUSE, _EVENTS),
            },
            plan.seconds(14),
            plan.tell,
        )
    return (
        reading(
            "batch",
            "CPU per delivered frame, ten events in one signed batch request ÷ C floor",
            ratio(found["rest"], found["floor"]),
            at_most(0.25, 0.18),
            "µs a frame",
            theirs="C",
        ),
        reading(
            "batch-engine",
            "the same without the request: ten events published in one turn",
            ratio(found["engine"], found["floor"]),
            at_most(0.25, 0.18),
            "µs a frame",
            theirs="C",
        ),
    )


FIGURE = Figure("batch", "CPU per delivered frame, ten events in one batch request ÷ C send()", _take)
