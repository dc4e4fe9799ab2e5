"""`presence`: members who join and leave a presence channel, seen by all others exactly once."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from ..audit import Sent, Verdicts
from ..client import Client
from ..cures import cured
from ..flow import lead
from ..group import Group as LocalGroup
from ..histogram import Histogram
from ..options import duration
from ..plans import Group
from ..stage import Stage, deserted
from ..told import Told, percentiles

__all__ = ["TAKES", "Member", "Visitor", "add_options", "play", "tells"]

TAKES = frozenset({"--connections", "--rate", "--duration", "--processes"})

_CHANNEL = "presence-bench"
# The word on the last leave is still under way when the last visitor has left.
_PATIENCE = 3.0


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Who stays, and how long the others do."""
    parser.set_defaults(connections=50, rate=10.0)
    parser.add_argument(
        "--stay", type=duration, default=1.0, metavar="TIME", help="of a visitor (default %(default)gs)"
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return Told(
        (
            "visitors", "delivered", "expected", "lost", "duplicates", "disorder", "refused", "disconnected", "errors",
            *percentiles(), *percentiles("leave_"), "server_cpu_us_per_delivery",
        ),
        ("join", "leave"),
    )  # fmt: skip


def play(stage: Stage) -> None:
    """`--connections` members stay and see `--rate` visitors a second join, stay and leave, for `--duration`."""
    options, figures = stage.options, stage.figures
    visitors = max(1, round(stage.finite_rate() * options.duration))
    stage.hire(options.connections + round(options.rate * (options.stay + 1)))
    members = Group(name="members", count=options.connections, channels=(_CHANNEL,), kind=f"{__name__}:Member")
    stage.open(members)
    coming = Group(
        name="visitors",
        count=visitors,
        channels=(_CHANNEL,),
        kind=f"{__name__}:Visitor",
        start=lead(),
        rate=options.rate,
        extra={"stay": options.stay},
    )
    before = stage.read_server()
    stage.open(coming, wait=False)

    def over(status: dict[str, Any]) -> bool:
        found = status["groups"]["visitors"]
        all_gone = found["opened"] == visitors and not found["pending"] and not found["ready"]
        return all_gone or deserted([status["groups"]["members"]])

    stage.until(over, "joining and leaving", deadline=time.monotonic() + options.duration + options.stay + 10)
    stage.crew.ask("halt")
    reports = _await_word(stage, options.connections)
    after = stage.read_server()
    stage.sample(now=True)
    verdicts, joined, left = Verdicts(), 0, 0
    for report in reports:
        verdicts.add(report["members"]["verdicts"])
        verdicts.add(report["visitors"]["verdicts"])
        joined += len(report["visitors"]["notes"])
        left += list(report["visitors"]["notes"].values()).count(2)
        for name in ("join", "leave"):
            stage.merge(name, [report["members"]["latencies"].get(name, {})])
    seen = sum(histogram.count for histogram in stage.latencies.values())
    groups = [report[name] for report in reports for name in ("members", "visitors")]
    figures |= {
        "visitors": joined,
        "delivered": seen,
        "expected": (joined + left) * options.connections,
        "lost": verdicts.lost,
        "duplicates": verdicts.duplicates,
        "disorder": verdicts.disorder,
        "refused": sum(group["failed"].total() for group in groups),
        "disconnected": sum(group["dropped"].total() for group in groups),
        "errors": sum(group["errors"].total() for group in groups),
    }
    stage.main = "join"
    stage.percentiles("join")
    stage.percentiles("leave", "leave_")
    if before is not None and after is not None and seen:
        figures["server_cpu_us_per_delivery"] = round((after.cpu_ns - before.cpu_ns) / seen / 1e3, 2)
    for group in groups:
        for what in ("failed", "dropped", "errors"):
            stage.notes += [f"{count:,} clients: {cured(reason)}" for reason, count in group[what].most_common(2)]


def _await_word(stage: Stage, members: int) -> list[dict[str, Any]]:
    """The reports, once all members have heard of every visitor or time is up."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        visits: dict[int, int] = {}
        for report in stage.crew.ask("report", {}, members=stage.crew.clients):
            visits.update(report["visitors"]["notes"])
        truth = {
            b"joined": Sent(len(visits), set(visits)),
            b"left": Sent(len(visits), {number for number, word in visits.items() if word == 2}),
        }
        reports = stage.crew.ask("report", truth, members=stage.crew.clients)
        missing = sum(report["members"]["verdicts"].lost for report in reports)
        if not missing or time.monotonic() > deadline:
            return reports
        time.sleep(0.05)


class Member(Client):
    """Stays, and keeps a list of who came and went."""

    __slots__ = ("_faults", "_joined", "_left")
    on_tape = False

    def __init__(self, group: LocalGroup, number: int, began: int) -> None:
        super().__init__(group, number, began)
        self._joined: set[int] = set()
        self._left: set[int] = set()
        self._faults = Verdicts()

    def subscriptions(self) -> list[tuple[str, str | None]]:
        return [(_CHANNEL, json.dumps({"user_id": f"member-{self.number}", "user_info": {}}))]

    def heard(self, event: str, message: dict[str, Any]) -> None:
        if event == "pusher_internal:subscription_succeeded":
            self._check_list(message, f"member-{self.number}")
        elif event == "pusher_internal:member_added":
            self._count(message, "join", self._joined)
        elif event == "pusher_internal:member_removed":
            self._count(message, "leave", self._left)

    def verdicts(self, sent: dict[bytes, Sent]) -> Verdicts:
        found = Verdicts()
        found.add(self._faults)
        # `refused` holds the numbers of the visitors this is about.
        for name, seen in ((b"joined", self._joined), (b"left", self._left)):
            if name in sent:
                found.lost += len(sent[name].refused - seen)
        return found

    def _count(self, message: dict[str, Any], what: str, seen: set[int]) -> None:
        # A message is one object for all who read the same bytes: decoded once.
        data = message.get("decoded")
        if data is None:
            data = message["decoded"] = json.loads(message["data"])
        kind, _, rest = data["user_id"].partition("-")
        if kind != "visitor":
            return
        number, moment = rest.split("-")[0], rest.split("-")[1 if what == "join" else 2]
        self.group.latencies.setdefault(what, Histogram()).add_ns(time.monotonic_ns() - int(moment))
        visitor = int(number)
        if visitor in seen:
            self._faults.duplicates += 1
        elif what == "leave" and visitor not in self._joined:
            self._faults.disorder += 1
        seen.add(visitor)

    def _check_list(self, message: dict[str, Any], name: str) -> None:
        presence = json.loads(message["data"])["presence"]
        if name not in presence["hash"] or presence["count"] != len(presence["hash"]):
            self.group.errors["a member list without its own member, or with a wrong count"] += 1


class Visitor(Member):
    """Joins, stays for a while fixed in advance, and leaves. Its user id says when."""

    __slots__ = ("_leaves", "_name")

    def subscriptions(self) -> list[tuple[str, str | None]]:
        joins = time.monotonic_ns()
        self._leaves = joins + round(self.group.plan.extra["stay"] * 1e9)
        self._name = f"visitor-{self.number}-{joins}-{self._leaves}"
        return [(_CHANNEL, json.dumps({"user_id": self._name, "user_info": {}}))]

    def heard(self, event: str, message: dict[str, Any]) -> None:
        if event == "pusher_internal:subscription_succeeded":
            self._check_list(message, self._name)
            self.group.notes[self.number] = 1
            self._dialer.loop.at(self._leaves, self.leave)

    def leave(self) -> None:
        if self.opened and self._state == "ready":
            self.group.notes[self.number] = 2
        super().leave()

    def verdicts(self, sent: dict[bytes, Sent]) -> Verdicts:
        return Verdicts()
