"""CPU of a broadcast to 1,000 subscribers with deltas, in step, beside the same broadcast to as many plain ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from sockudo_tx.bench.streams import STREAMS

from ..harness.client import Talker
from ..harness.fanout import PAUSE, Fanout
from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.process import Child, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 1000
_TURNS = 11
"""A full message and the ten deltas that follow it, whichever of them a window begins with."""


def _side(stack: ExitStack, stream: str, wish: str) -> Callable[[], float]:
    """A server, its audience, and one more client that tells how large the frames were; windows of it."""
    fanout = stack.enter_context(Fanout(Child("server", python("server", f"STREAM={stream}")), _SUBSCRIBERS, wish=wish))
    witness = Talker(fanout.subject.port)
    stack.callback(witness.close)
    witness.subscribe("bench-0", **({"delta": True} if wish else {}))

    def window() -> float:
        spent = int(fanout.subject.ask("broadcast", _TURNS, PAUSE, 1)["cpu"])
        fanout.heard(witness.sizes(_TURNS) * _SUBSCRIBERS)
        return spent / 1000 / _TURNS

    return window


def _of(stream: str, plan: Plan) -> Reading:
    plan.tell(stream)
    with ExitStack() as stack:
        sides = {"delta": _side(stack, stream, "delta"), "plain": _side(stack, stream, "")}
        found = interleave(sides, plan.seconds(8), plan.tell)
    return reading(
        f"delta-cpu-{stream.replace('_', '-')}",
        f"{stream.replace('_', ' ')}: CPU of a delta broadcast to 1,000 ÷ a plain one",
        ratio(found["delta"], found["plain"]),
        at_most(1.15, 1.0),
        "µs a broadcast",
        ours="delta",
        theirs="plain",
    )


def _take(plan: Plan) -> Sequence[Reading]:
    return [_of(stream, plan) for stream in STREAMS]


FIGURE = Figure("delta-cpu", "CPU of a delta broadcast to 1,000 subscribers ÷ a plain one", _take)
