"""15,000 sockets cut at once: how long that holds the reactor, and whether all of it is done and told once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from ..harness.cut import ROOM, Cut, Turn, cut
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most
from ..harness.machine import file_limit
from ..harness.process import Child, python
from ..harness.scratch import folder

__all__ = ["FIGURE"]

_MANY, _SPARE = 15_000, 1_000


def _take(plan: Plan) -> Sequence[Reading]:
    many = _MANY // 5 if plan.quick else _MANY
    files = many + -(-many // ROOM) + _SPARE
    if file_limit() < files:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {files} are needed")
    with ExitStack() as stack:
        plan.tell(f"{many} bare connections")
        bare = _cut_bare(stack, many)
    readings: list[Reading] = []
    for name, variables in (
        ("cut", ()),
        ("cut-sqlite", ("QUEUE_DRIVER=sqlite", f"QUEUE_SQLITE_PATH={folder() / f'cut-{time.time_ns()}.sqlite3'}")),
    ):
        with ExitStack() as stack:
            readings += _readings(name, many, bare, cut(stack, plan.tell, many, *variables))
    return readings


def _cut_bare(stack: ExitStack, many: int) -> Turn:
    """The longest turn of a bare Autobahn server."""
    subject = stack.enter_context(Child("Autobahn", python("autobahn_bare")))
    clients = stack.enter_context(Child("clients", python("audience", subject.port, many, "websocket")))
    time.sleep(0.5)
    subject.ask("watch")
    clients.kill()
    time.sleep(5)  # it does not sleep while its turns are timed
    return Turn(**subject.ask("turns")["turns"])


def _readings(name: str, many: int, bare: Turn, found: Cut) -> list[Reading]:
    slices = found.slices.values()
    longest = {
        f"{each}, ms": f"{slice_.held:.2g} ({slice_.wall:.2g} by the clock, {slice_.busy:.2g} CPU; {slice_.runs:,})"
        for each, slice_ in sorted(found.slices.items(), key=lambda item: -item[1].held)
    }
    return [
        Reading(
            name,
            f"longest turn while {many:,} sockets in three channels each are cut ÷ bare Autobahn sockets",
            found.turn.held / bare.held,
            at_most(2.0, 1.0),
            absolute={
                "ours, ms": found.turn.held,
                "ours by the clock, ms": found.turn.wall,
                "Autobahn, ms": bare.held,
                "Autobahn by the clock, ms": bare.wall,
            },
            compared=False,
        ),
        Reading(
            f"{name}-slice",
            "the longest slice of clean-up, log and webhook work, less what other programs had of the processor",
            max(each.held for each in slices),
            at_most(5.0),
            unit="ms",
            absolute={
                "longest by the clock, ms": max(each.wall for each in slices),
                "longest in CPU time, ms": max(each.busy for each in slices),
                "slices": sum(each.runs for each in slices),
                "over 5 ms": sum(each.held_over for each in slices),
                "over 5 ms by the clock": sum(each.wall_over for each in slices),
                "over 5 ms of CPU time": sum(each.busy_over for each in slices),
                **longest,
            },
            compared=False,
        ),
        Reading(f"{name}-empty", "from the cut to empty tables", found.empty, at_most(10.0), unit="s", compared=False),
        Reading(
            f"{name}-told",
            "from the cut to the last webhook, 3 s of grace included",
            found.told,
            at_most(10.0),
            unit="s",
            absolute={"deliveries": found.deliveries, **found.webhooks},
            compared=False,
        ),
        Reading(
            f"{name}-faults",
            "webhooks and departures that were not told exactly once, and what was left in tables",
            sum(found.faults.values()),
            at_most(0),
            absolute={"departures members were told of": found.removed, **found.faults},
            compared=False,
            excusable=False,
        ),
    ]


FIGURE = Figure("cut", "15,000 sockets cut at once", _take)
