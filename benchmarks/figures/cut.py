"""15,000 sockets cut at once: how long the clean-up holds the reactor, and whether all of it is done and told once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most
from ..harness.machine import file_limit
from ..harness.process import Child, python

__all__ = ["FIGURE"]

_MANY, _ROOM, _SPARE = 15_000, 99, 1_000
_GRACE = 3.0
"""Seconds until an absence is told to webhooks (scaling.md 6.6)."""
_PATIENCE = 30.0


def _take(plan: Plan) -> Sequence[Reading]:
    many = _MANY // 5 if plan.quick else _MANY
    rooms = -(-many // _ROOM)
    if file_limit() < many + rooms + _SPARE:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {many + rooms + _SPARE} are needed")
    with ExitStack() as stack:
        plan.tell(f"{many} bare connections")
        bare = _cut_bare(stack, many)
        subject = stack.enter_context(Child("server", python("server")))
        plan.tell(f"{many} connections in three channels each")
        watchers = stack.enter_context(Child("watchers", python("members", subject.port, 0, rooms, _ROOM, "watch")))
        members = stack.enter_context(Child("members", python("members", subject.port, 0, many, _ROOM)))
        time.sleep(0.5)
        before = subject.ask("tables")["tables"]["connections"]
        for each in ("slices", "busy", "facts"):
            subject.ask(each)
        subject.ask("watch")
        plan.tell("the cut")
        began = time.monotonic()
        members.kill()
        seconds = _until_empty(subject, rooms, began)
        time.sleep(_GRACE + 1)
        turn = float(subject.ask("turns")["turns"])
        slices = subject.ask("slices")["slices"]
        busy = subject.ask("busy")["busy"]
        facts = subject.ask("facts")["facts"]
        heard = watchers.ask("removed")
    assert before == many + rooms, before
    faults = abs(heard["removed"] - many) + heard["repeated"] + facts.pop("repeated")
    faults += abs(facts.get("member_removed", 0) - many) + abs(facts.get("channel_vacated", 0) - many - 1)
    return (
        Reading(
            "cut",
            f"longest turn while {many:,} sockets in three channels each are cut ÷ bare Autobahn sockets",
            turn / bare,
            at_most(2.0, 1.0),
            absolute={"ours, ms": turn, "Autobahn, ms": bare},
            compared=False,
        ),
        Reading(
            "cut-slice",
            "the longest slice of clean-up, log and webhook work",
            max(slices.values()),
            at_most(5.0),
            unit="ms",
            absolute={
                **{f"{name}, ms": spent for name, spent in slices.items()},
                **{f"{name}, ms CPU": spent for name, spent in busy.items()},
            },
            compared=False,
        ),
        Reading("cut-empty", "from the cut to empty tables", seconds, at_most(10.0), unit="s", compared=False),
        Reading(
            "cut-faults",
            "departures that were not told exactly once",
            faults,
            at_most(0),
            absolute={"member_removed heard": heard["removed"], "repeated": heard["repeated"], **facts},
            compared=False,
        ),
    )


def _cut_bare(stack: ExitStack, many: int) -> float:
    """Milliseconds of the longest turn of a bare Autobahn server."""
    subject = stack.enter_context(Child("Autobahn", python("autobahn_bare")))
    clients = stack.enter_context(Child("clients", python("audience", subject.port, many, "websocket")))
    time.sleep(0.5)
    subject.ask("watch")
    clients.kill()
    time.sleep(5)  # it does not sleep while its turns are timed
    return float(subject.ask("turns")["turns"])


def _until_empty(subject: Child, left: int, began: float) -> float:
    """Seconds until only the watchers are left in the tables."""
    while time.monotonic() < began + _PATIENCE:
        tables = subject.ask("tables")["tables"]
        if max(tables["sockets"], tables["connections"], tables["channels"], tables["deadlines"]) <= left:
            break
        time.sleep(0.05)
    return time.monotonic() - began


FIGURE = Figure("cut", "15,000 sockets cut at once", _take)
