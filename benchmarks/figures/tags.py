"""CPU of an event with tags that is for ten of 10,000 subscribers, beside an event to a channel of ten.

And what filters cost of which each has to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from ..harness.client import Talker
from ..harness.fanout import Fanout
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most, reading
from ..harness.machine import file_limit
from ..harness.process import Child, python
from ..harness.stats import quantile, ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_TOPICS, _EACH = 1_000, 10
_SUBSCRIBERS = _TOPICS * _EACH
_SPARE = 500
_TURNS = 50
_PAUSE = 0.002
"""Long enough for readers to fall asleep. The reactor turns round and round while less than a millisecond is left."""


def _side(stack: ExitStack, size: int, wish: str, each: int = _EACH) -> Callable[[], float]:
    """A server and its audience; windows of it, in each of which every event reaches `each`."""
    subject = Child("server", python("server", "TAG_FILTERING_ENABLED=1", f"TOPICS={_TOPICS}"))
    fanout = stack.enter_context(Fanout(subject, size, processes=2, wish=wish))
    witness = Talker(subject.port)
    stack.callback(witness.close)
    witness.subscribe("bench-0")

    def window() -> float:
        spent = int(subject.ask("broadcast", _TURNS, _PAUSE, 1)["cpu"])
        fanout.heard(witness.sizes(_TURNS) * each)
        return spent / 1000 / _TURNS

    return window


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _SUBSCRIBERS + _SPARE:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {_SUBSCRIBERS + _SPARE} are needed")
    with ExitStack() as stack:
        sides = {
            "many": _side(stack, _SUBSCRIBERS, f"equal={_TOPICS}"),
            "few": _side(stack, _EACH, ""),
            "trees": _side(stack, _SUBSCRIBERS, f"tree={_TOPICS}"),
        }
        found = interleave(sides, plan.seconds(16), plan.tell)
    trees = [(many - few) / _TOPICS for many, few in zip(found["trees"], found["few"], strict=True)]
    return (
        reading(
            "tags",
            "CPU of an event for 10 of 10,000 subscribers with 1,000 `eq` filters ÷ an event to 10 subscribers",
            ratio(found["many"], found["few"]),
            at_most(3, 1.5),
            "µs an event",
            ours="of 10,000",
            theirs="of 10",
        ),
        Reading(
            "tags-tree",
            "what each of 1,000 different filters adds of which none can be looked up, of the same 10,000 subscribers",
            quantile(trees, 0.5),
            at_most(2, 1),
            quantile(trees, 0.25),
            quantile(trees, 0.75),
            unit="µs",
            compared=False,
        ),
    )


FIGURE = Figure("tags", "CPU of an event that a filter lets through to 10 of 10,000 ÷ to a channel of 10", _take)
