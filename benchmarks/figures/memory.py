"""Resident memory of an idle subscribed connection, with a bare Autobahn server's beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..harness.fanout import Fanout
from ..harness.figure import Figure, NotAvailableError, Plan, Reading, at_most
from ..harness.machine import file_limit
from ..harness.process import Child, python

__all__ = ["FIGURE"]

_FEW, _MANY = 1_000, 15_000
_SPARE = 500


def _kib(few: int, many: int) -> float:
    return (many - few) / 1024 / (_MANY - _FEW)


def _take(plan: Plan) -> Sequence[Reading]:
    if file_limit() < _MANY + _SPARE:
        raise NotAvailableError(f"a process may open {file_limit()} files here, and {_MANY + _SPARE} are needed")
    bare_server = Child("Autobahn", python("autobahn_bare"))
    with (
        Fanout(Child("server", python("server")), _FEW) as ours,
        Fanout(bare_server, _FEW, speaks="websocket") as bare,
    ):
        plan.tell(f"{_FEW} connections")
        time.sleep(0.5)
        few = ours.subject.resident(), bare.subject.resident()
        plan.tell(f"{_MANY} connections")
        ours.grow(_MANY, bare)
        time.sleep(0.5)
        many = ours.subject.resident(), bare.subject.resident()
    mine, theirs = (_kib(*pair) for pair in zip(few, many, strict=True))
    return (
        Reading(
            "memory",
            "resident memory per idle subscribed connection, (at 15,000 - at 1,000) / 14,000",
            mine,
            at_most(9, 7),
            unit="KiB",
            absolute={
                "Autobahn, KiB a connection": theirs,
                "ours ÷ Autobahn": mine / theirs,
                "resident at 15,000, MiB": many[0] / 2**20,
            },
        ),
    )


FIGURE = Figure("memory", "resident memory per idle subscribed connection", _take)
