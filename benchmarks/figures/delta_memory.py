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
_TURNS = 12


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _MANY + _SPARE:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {_MANY + _SPARE} are needed")
    with ExitStack() as stack:
        sides: dict[str, tuple[Fanout, Talker]] = {}
        for wish in ("delta", ""):
            subject = Child("server", python("server", f"STREAM={_STREAM}"))
            fanout = stack.enter_context(Fanout(subject, _FEW, wish=wish))
            witness = Talker(subject.port)
            stack.callback(witness.close)
            witness.subscribe("bench-0", **({"delta": True} if wish else {}))
            sides[wish or "plain"] = fanout, witness

        def resident(size: int) -> dict[str, int]:
            """Of both, after so many messages that everybody is in step."""
            plan.tell(f"{size} connections")
            for fanout, witness in sides.values():
                fanout.subject.ask("broadcast", _TURNS, 0.05, 1)
                fanout.heard(witness.sizes(_TURNS) * size)
            time.sleep(0.5)
            return {name: fanout.subject.resident() for name, (fanout, _) in sides.items()}

        few = resident(_FEW)
        sides["delta"][0].grow(_MANY, sides["plain"][0])
        many = resident(_MANY)
    each = {name: (many[name] - few[name]) / (_MANY - _FEW) for name in sides}
    return (
        Reading(
            "delta-memory",
            "memory of a subscriber with deltas above a plain one, (at 8,000 - at 1,000) / 7,000",
            each["delta"] - each["plain"],
            at_most(512),
            unit="bytes",
            absolute={"with deltas, bytes": each["delta"], "plain, bytes": each["plain"]},
            compared=False,
        ),
    )


FIGURE = Figure("delta-memory", "memory of a subscriber with deltas above that of a plain one", _take)
