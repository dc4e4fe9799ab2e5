"""Clients cut at once, as when their process dies: what the server does then, and whom it tells."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack
from typing import NamedTuple

from .client import APP_ID, KEY, SECRET
from .process import Child, python
from .scratch import folder

__all__ = ["GRACE", "ROOM", "Cut", "Slice", "Turn", "cut"]

ROOM = 99
"""Members of a presence channel, beside one that stays and watches."""
GRACE = 3.0
"""Seconds until an absence is told to webhooks (scaling.md 6.6)."""
_AFTERWARDS = 1.0
"""Seconds in which nothing more may be told."""
_PATIENCE = 30.0
_TYPES = ("channel_occupied", "channel_vacated", "member_added", "member_removed", "subscription_count")
_CONNECTIONS = {"connections", "sockets", "channels", "users", "mirrors", "deadlines", "leaving"}
"""The tables that are empty as soon as the connections are out; others belong to the grace and to webhooks."""


class Slice(NamedTuple):
    """All slices of one kind: how many, milliseconds of the longest, and how many were over 5 ms.

    `wall` is by the clock, `held` without the time in which other programs had the processor, `busy` in CPU time.
    """

    runs: int
    wall: float
    held: float
    busy: float
    wall_over: int
    held_over: int
    busy_over: int


class Turn(NamedTuple):
    """Milliseconds, as of a slice."""

    wall: float
    held: float


class Cut(NamedTuple):
    """What it was like."""

    port: int
    """Of the server, which still runs."""
    turn: Turn
    """The reactor's longest."""
    empty: float
    """Seconds from the cut to empty tables."""
    told: float
    """Seconds from the cut to the last webhook."""
    slices: dict[str, Slice]
    deliveries: int
    webhooks: dict[str, int]
    """Events of each type after the cut; `subscription_count 0` is a channel's last."""
    removed: int
    """Departures that those who stayed were told of."""
    faults: dict[str, int]
    """What was missing, told twice or left behind, where anything was."""


def cut(stack: ExitStack, tell: Callable[[str], None], many: int, *variables: str) -> Cut:
    """Cut so many clients in three channels each from a server with these variables, and with webhooks.

    One channel is a presence channel of `ROOM` members, one that of all, and one their own.
    """
    rooms = -(-many // ROOM)
    receiver = stack.enter_context(Child("receiver", python("receiver")))
    config = _config(receiver.port, many)
    subject = stack.enter_context(Child("server", python("server", config, *variables)))
    tell(f"{many} connections in three channels each")
    watchers = stack.enter_context(Child("watchers", python("members", subject.port, 0, rooms, ROOM, "watch")))
    before = subject.ask("tables")["tables"]
    members = stack.enter_context(Child("members", python("members", subject.port, 0, many, ROOM)))
    came = {"channel_occupied": many + 1 + rooms, "member_added": many + rooms}
    _until(lambda: receiver.ask("told")["told"] >= sum(came.values()) + many + 1)
    time.sleep(_AFTERWARDS)
    faults = _faults("coming", came, receiver.ask("heard"))
    subject.ask("slices")
    subject.ask("watch")
    tell("the cut")
    began = time.monotonic()
    members.kill()
    _until(lambda: not _left(subject, before, _CONNECTIONS))
    empty = time.monotonic() - began
    left = {"channel_vacated": many + 1, "member_removed": many, "subscription_count 0": many + 1}
    _until(lambda: receiver.ask("told")["told"] >= sum(left.values()))
    told = time.monotonic() - began
    time.sleep(_AFTERWARDS)
    turn = Turn(**subject.ask("turns")["turns"])
    slices = {name: Slice(**found) for name, found in subject.ask("slices")["slices"].items()}
    heard, removed = receiver.ask("heard"), watchers.ask("removed")
    faults += _faults("leaving", left, heard)
    faults["departures members were not told of"] = abs(removed["removed"] - many)
    faults["departures members were told of again"] = removed["repeated"]
    faults.update({f"left in {name}": size for name, size in _left(subject, before).items()})
    return Cut(
        subject.port, turn, empty, told, slices, heard["deliveries"], heard["events"], removed["removed"], +faults
    )


def _config(port: int, many: int) -> str:
    """The file of a server whose app has a webhook there for everything that clients cause by coming and going."""
    app = {
        "id": APP_ID,
        "key": KEY,
        "secret": SECRET,
        "max_connections": 0,
        "webhooks": [{"url": f"http://127.0.0.1:{port}/", "event_types": _TYPES}],
    }
    path = folder() / f"cut-{port}.json"
    path.write_text(json.dumps({"app_manager": {"array": {"apps": [app]}}}))
    return str(path)


def _faults(when: str, expected: dict[str, int], heard: dict[str, object]) -> Counter[str]:
    """How many webhooks are missing, too many or told twice. Between first and last, counts may be any number."""
    events = heard["events"]
    assert isinstance(events, dict)
    faults: Counter[str] = Counter()
    for name in {*expected, *events} - {"subscription_count"}:
        faults[f"{name} too many or too few, {when}"] = abs(events.get(name, 0) - expected.get(name, 0))
    faults[f"events repeated, {when}"] = int(str(heard["repeated"]))
    faults[f"deliveries repeated, {when}"] = int(str(heard["again"]))
    return faults


def _left(subject: Child, before: dict[str, int], tables: Collection[str] = ()) -> dict[str, int]:
    """How much more there is in these tables, or in all, than before."""
    found = subject.ask("tables")["tables"]
    return {name: more for name in tables or found if (more := found[name] - before[name]) > 0}


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
