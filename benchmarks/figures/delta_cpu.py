"""CPU of a broadcast to 1,000 subscribers with deltas, in step, beside the same broadcast to as many plain ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from sockudo_tx.bench.streams import STREAMS

from ..harness.client import Talker
from ..harness.fanout import PAUSE
from ..harness.figure import Figure, Limit, Plan, Reading, at_most, reading
from ..harness.process import Child, ChildError, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 1000
_TURNS = 11
"""A full message and the ten deltas that follow it, whichever of them a window begins with."""
_BATCH, _BATCHES = 11, 3

Window = Callable[[], float]


class _Audience:
    """Clients that all get the same bytes, and one more of their kind that tells how many these are."""

    def __init__(self, stack: ExitStack, port: int, size: int, wish: str) -> None:
        self._size = size
        command = python("audience", port, size, "pusher", *([wish] if wish else []))
        self._clients = stack.enter_context(Child("audience", command))
        self._witness = Talker(port)
        stack.callback(self._witness.close)
        self._witness.subscribe("bench-0", **({"delta": True} if wish else {}))

    def await_frames(self, count: int) -> None:
        """Until so many have reached each of them. Raises `ChildError` if they do not."""
        wanted = self._witness.sizes(count) * self._size
        if (seen := self._clients.ask("expect", wanted)["seen"]) != wanted:
            raise ChildError(f"{seen} of {wanted} bytes arrived")


def _side(stack: ExitStack, stream: str, plain: int, followers: int, turns: int = _TURNS, batch: int = 1) -> Window:
    """A server, and so many of each kind in one channel; windows of so many turns, with `batch` events each."""
    subject = stack.enter_context(Child("server", python("server", f"STREAM={stream}")))
    sizes = {"": plain, "delta": followers}
    audiences = [_Audience(stack, subject.port, size, wish) for wish, size in sizes.items() if size]

    def window() -> float:
        spent = int(subject.ask("broadcast", turns, PAUSE, batch)["cpu"])
        for audience in audiences:
            audience.await_frames(turns * batch)
        return spent / 1000 / turns / batch

    return window


def _of(stream: str, plan: Plan) -> Reading:
    plan.tell(stream)
    with ExitStack() as stack:
        sides = {"delta": _side(stack, stream, 0, _SUBSCRIBERS), "plain": _side(stack, stream, _SUBSCRIBERS, 0)}
        found = interleave(sides, plan.seconds(8), plan.tell)
    name = stream.replace("_", "-")
    title = f"{stream.replace('_', ' ')}: CPU of a delta broadcast to 1,000 ÷ a plain one"
    return _reading(name, title, found, "delta", at_most(1.15, 1.0))


def _batches(plan: Plan) -> Sequence[Reading]:
    plan.tell("batches")
    half = _SUBSCRIBERS // 2
    with ExitStack() as stack:
        kinds = {"delta": (0, _SUBSCRIBERS), "mixed": (half, half), "plain": (_SUBSCRIBERS, 0)}
        sides = {name: _side(stack, "telemetry", *sizes, turns=_BATCHES, batch=_BATCH) for name, sizes in kinds.items()}
        found = interleave(sides, plan.seconds(8), plan.tell)
    title = f"{_BATCH} telemetry messages a turn"
    return (
        _reading("batch", f"{title}: the same", found, "delta", at_most()),
        _reading("mixed", f"{title}, half of the 1,000 plain and half with deltas", found, "mixed", at_most()),
    )


def _reading(name: str, title: str, found: dict[str, list[float]], side: str, limit: Limit) -> Reading:
    compared = ratio(found[side], found["plain"])
    return reading(f"delta-cpu-{name}", title, compared, limit, "µs a broadcast", ours=side, theirs="plain")


def _take(plan: Plan) -> Sequence[Reading]:
    return [*(_of(stream, plan) for stream in STREAMS), *_batches(plan)]


FIGURE = Figure("delta-cpu", "CPU of a delta broadcast to 1,000 subscribers ÷ a plain one", _take)
