"""Twenty dead webhook endpoints beside one that is well: what they cost it, with each driver of the queue."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from ..harness.client import APP_ID, KEY, SECRET, Talker, masked
from ..harness.figure import Figure, Plan, Reading, at_most
from ..harness.process import Child, python
from ..harness.scratch import folder
from ..harness.stats import quantile

__all__ = ["FIGURE"]

_PAUSE = 0.02
"""Seconds between two events of one server."""
_CHANNEL = "private-bench"


class _Side:
    """A server with these endpoints, and a client whose events they are told."""

    def __init__(self, stack: ExitStack, name: str, driver: str, well: int, dead: Sequence[int]) -> None:
        self.path = f"/{name}"
        urls = [f"http://127.0.0.1:{port}{self.path}" for port in (*dead, well)]
        app: dict[str, Any] = {
            "id": APP_ID,
            "key": KEY,
            "secret": SECRET,
            "enable_client_messages": True,
            "max_client_events_per_second": 0,
            "webhooks": [{"url": url, "event_types": ["client_event"]} for url in urls],
        }
        queue = {"driver": driver, "sqlite": {"path": str(folder() / f"{name}.sqlite3")}}
        config = folder() / f"{name}.json"
        config.write_text(json.dumps({"app_manager": {"array": {"apps": [app]}}, "queue": queue}))
        self.subject = stack.enter_context(Child(name, python("server", config)))
        self._talker = Talker(self.subject.port)
        self._talker.subscribe(_CHANNEL)
        stack.callback(self._talker.close)
        self.sent: dict[str, float] = {}

    def say(self) -> None:
        """One event."""
        number = str(len(self.sent))
        event = masked(json.dumps({"event": "client-bench", "channel": _CHANNEL, "data": number}).encode())
        self.sent[number] = time.monotonic()
        self._talker.socket.sendall(event)

    def delays(self, heard: dict[str, dict[str, float]]) -> list[float]:
        """Milliseconds from each event to the endpoint that is well."""
        there = heard.get(self.path, {})
        assert there.keys() == self.sent.keys(), f"{len(self.sent) - len(there)} of {len(self.sent)} did not come"
        return [(there[number] - at) * 1000 for number, at in self.sent.items()]


def _take(plan: Plan) -> Sequence[Reading]:
    with ExitStack() as stack:
        well = stack.enter_context(Child("the good one", python("endpoints", "well")))
        dead = stack.enter_context(Child("the dead ones", python("endpoints", "dead"))).about["ports"]
        (port,) = well.about["ports"]
        alone, memory, sqlite = sides = (
            _Side(stack, "alone", "memory", port, ()),
            _Side(stack, "memory", "memory", port, dead),
            _Side(stack, "sqlite", "sqlite", port, dead),
        )
        end = time.monotonic() + plan.seconds(60)
        while time.monotonic() < end:
            plan.tell(f"{len(alone.sent)} events")
            for side in sides:
                side.say()
                time.sleep(_PAUSE / len(sides))
        time.sleep(2)
        heard = well.ask("heard")["heard"]
        without = alone.delays(heard)
        return (
            _reading("endpoints", "memory", memory.delays(heard), without),
            _reading("endpoints-sqlite", "sqlite", sqlite.delays(heard), without),
        )


def _reading(name: str, driver: str, found: Sequence[float], without: Sequence[float]) -> Reading:
    return Reading(
        name,
        f"from an event to a good webhook endpoint beside 20 dead ones, 50 ms of batching in it, {driver}, p99",
        quantile(found, 0.99),
        at_most(200.0, 100.0),
        unit="ms",
        absolute={
            "median, ms": quantile(found, 0.5),
            "highest, ms": max(found),
            "without dead ones, median, ms": quantile(without, 0.5),
            "without dead ones, p99, ms": quantile(without, 0.99),
            "without dead ones, highest, ms": max(without),
            "events": len(found),
        },
        compared=False,
    )


FIGURE = Figure("endpoints", "a good webhook endpoint beside 20 dead ones", _take)
