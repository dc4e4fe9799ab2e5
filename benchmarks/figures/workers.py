"""What a delivery costs all processes together with two workers, beside one process; and how fast each is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..harness.client import events, post, read_answer
from ..harness.fanout import PAUSE, Fanout
from ..harness.figure import Figure, Plan, Reading, at_least, at_most, reading
from ..harness.publisher import Publisher
from ..harness.stats import Ratio, quantile, ratio
from ..harness.whole import WholeServer
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_FEW, _MANY = 1_000, 10_000
_IN_FLIGHT = 8
_BURST = 5 * _IN_FLIGHT


class _Side:
    """A server with its audience, and who publishes to it."""

    def __init__(self, fanout: Fanout) -> None:
        self.fanout = fanout
        self.port = fanout.subject.port
        self._publisher = Publisher(self.port, _IN_FLIGHT)
        self.speeds: list[float] = []
        """Deliveries a second, of bursts."""

    def window(self, turns: int, pause: float) -> float:
        """Microseconds of CPU per delivered frame: events one by one, each from the next of the connections."""

        def publish() -> None:
            for number in range(turns):
                peer = self._publisher.peers[number % _IN_FLIGHT]
                peer.sendall(self._request())
                read_answer(peer)
                time.sleep(pause)

        return self.fanout.cost(publish, turns)

    def burst(self) -> float:
        """The same of many requests at once; and notes how fast they were delivered."""
        requests = [self._request() for _ in range(_BURST)]
        began = time.perf_counter()
        cost = self.fanout.cost(lambda: self._publisher.send(requests), _BURST)
        self.speeds.append(_BURST * self.fanout.size / (time.perf_counter() - began))
        return cost

    def _request(self) -> bytes:
        return post(self.port, "/events", events("bench-0", ["x" * 200]))


def _take(plan: Plan) -> Sequence[Reading]:
    with Fanout(WholeServer(1), _FEW, processes=2) as single, Fanout(WholeServer(2), _FEW, processes=2) as double:
        one, two = _Side(single), _Side(double)

        def beside(seconds: float, window: Callable[[_Side], float]) -> Ratio:
            found = interleave(
                {"two": lambda: window(two), "one": lambda: window(one)}, plan.seconds(seconds), plan.tell
            )
            return ratio(found["two"], found["one"])

        few = beside(14, lambda side: side.window(5, PAUSE))
        burst = beside(8, _Side.burst)
        double.grow(_MANY, single)
        many = beside(14, lambda side: side.window(2, PAUSE * 5))
    names = {"ours": "two workers", "theirs": "one process"}
    speeds = [quantile(side.speeds, 0.5) for side in (two, one)]
    return (
        reading("workers", "CPU per delivery to 1,000, two workers ÷ one process", few, at_most(1.1), "µs", **names),
        reading("workers-10000", "the same to 10,000", many, at_most(1.1), "µs", **names),
        reading("workers-burst", "the same to 1,000 at saturation", burst, at_most(), "µs", **names),
        Reading(
            "workers-speed",
            "deliveries a second at saturation, two workers ÷ one process, the clients on the same cores",
            speeds[0] / speeds[1],
            at_least(),
            absolute={"two workers, a second": speeds[0], "one process, a second": speeds[1]},
            compared=False,
        ),
    )


FIGURE = Figure("workers", "CPU per delivery with two workers ÷ with one process", _take)
