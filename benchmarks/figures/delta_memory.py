"""Memory of a subscriber with deltas, beside a plain one: what is remembered of messages is not kept for each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from ..harness.client import Talker
from ..harness.fanout import Fanout
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most
from ..harness.machine import file_limit
from ..harness.process import Child, python

__all__ = ["FIGURE"]

_FEW, _MANY = 1_000, 8_000
_SPARE = 500
_STREAM = "order_book"
"""2 KB a message, of which ten are remembered."""
_TURNS = 11
"""A full message and ten deltas: the next one is full for everybody, and newcomers are in step at once."""


class _Side:
    """A server and its audience, and for each part of the audience that came together one more client, which tells how
    large the frames of that part were: newcomers begin with a full message."""

    def __init__(self, stack: ExitStack, wish: str) -> None:
        self._stack = stack
        self._wish: dict[str, object] = {"delta": True} if wish else {}
        subject = Child("server", python("server", f"STREAM={_STREAM}"))
        self.fanout = stack.enter_context(Fanout(subject, _FEW, wish=wish))
        self._parts: list[tuple[int, Talker]] = []
        self.grown()

    def grown(self) -> None:
        """There are more subscribers than before."""
        witness = Talker(self.fanout.subject.port)
        self._stack.callback(witness.close)
        witness.subscribe("bench-0", **self._wish)
        self._parts.append((self.fanout.size - sum(count for count, _ in self._parts), witness))

    def broadcast(self) -> None:
        """So many messages that everybody is in step; all have arrived."""
        self.fanout.subject.ask("broadcast", _TURNS, 0.05, 1)
        self.fanout.heard(sum(count * witness.sizes(_TURNS) for count, witness in self._parts))


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _MANY + _SPARE:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {_MANY + _SPARE} are needed")
    with ExitStack() as stack:
        sides = {wish or "plain": _Side(stack, wish) for wish in ("delta", "")}

        def resident() -> dict[str, int]:
            for side in sides.values():
                side.broadcast()
            time.sleep(0.5)
            return {name: side.fanout.subject.resident() for name, side in sides.items()}

        plan.tell(f"{_FEW} connections")
        few = resident()
        plan.tell(f"{_MANY} connections")
        sides["delta"].fanout.grow(_MANY, sides["plain"].fanout)
        for side in sides.values():
            side.grown()
        many = resident()
    each = {name: (many[name] - few[name]) / (_MANY - _FEW) for name in sides}
    return (
        Reading(
            "delta-memory",
            "memory of a subscriber with deltas above a plain one, (at 8,000 - at 1,000) / 7,000",
            each["delta"] - each["plain"],
            at_most(1024, 512),
            unit="bytes",
            absolute={"with deltas, bytes": each["delta"], "plain, bytes": each["plain"]},
            compared=False,
        ),
    )


FIGURE = Figure("delta-memory", "memory of a subscriber with deltas above that of a plain one", _take)
