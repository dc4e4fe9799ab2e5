"""Publishing over REST as fast as the server answers, beside C sending the same frames back to back."""

from __future__ import annotations

from collections.abc import Sequence

from ..harness.client import events, post
from ..harness.fanout import Fanout
from ..harness.figure import Figure, Plan, Reading, at_least, reading
from ..harness.floor import floor
from ..harness.process import Child, python
from ..harness.publisher import Publisher
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 1000
_IN_FLIGHT = 32
_REQUESTS = 6 * _IN_FLIGHT


def _take(plan: Plan) -> Sequence[Reading]:
    with Fanout(floor(), _SUBSCRIBERS) as base, Fanout(Child("server", python("server")), _SUBSCRIBERS) as ours:
        port = ours.subject.port
        publisher = Publisher(port, _IN_FLIGHT)

        def saturate() -> float:
            requests = [post(port, "/events", events("bench-0", ["x" * 200])) for _ in range(_REQUESTS)]
            return ours.cost(lambda: publisher.send(requests), _REQUESTS)

        found = interleave(
            {"ours": saturate, "floor": lambda: base.window(1, 0, _IN_FLIGHT)},
            plan.seconds(14),
            plan.tell,
        )
    return (
        reading(
            "saturation",
            f"deliveries per CPU second, {_IN_FLIGHT} REST requests in flight, 1,000 subscribers ÷ C floor",
            ratio(found["ours"], found["floor"], inverse=True),
            at_least(3, 5),
            "µs a frame",
            theirs="C",
        ),
    )


FIGURE = Figure("saturation", "deliveries per CPU second at saturation over REST ÷ C send()", _take)
