"""The scenarios: one module and one row each. A module has what `IScenario` says."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:  # a list of names and a help text load nothing
    from ..stage import Stage
    from ..told import Told

__all__ = ["SCENARIOS", "IScenario", "Row", "load_scenario"]


class Row(NamedTuple):
    """What is known of a scenario without loading it."""

    name: str
    line: str

    @property
    def module(self) -> str:
        """Its file in this folder."""
        return self.name.replace("-", "_")


class IScenario(Protocol):
    """What a scenario's module offers."""

    TAKES: Collection[str]
    """Options of the load that it takes, out of those that several have."""

    def add_options(self, parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
        """Declares its own options, and `set_defaults` for those that all have. `arguments` is the command line."""

    def tells(self, options: argparse.Namespace) -> Told:
        """The names of all the figures and latencies a run with these options may have."""

    def play(self, stage: Stage) -> None:
        """Does it, and puts what came of it into the stage's figures, latencies and notes."""


SCENARIOS = (
    Row("fanout", "events published over REST, each to all subscribers of its channel"),
    Row("burst", "many events at one moment, then a pause, again and again"),
    Row("publish", "requests to the REST API: how many a second and how fast, one event or a batch each"),
    Row("client-events", "events from clients to the other subscribers of their private channels"),
    Row("connect", "connections that open and subscribe: how many a second, how fast, at what cost"),
    Row("idle", "connections that only stay: memory of each, from the difference between several counts"),
    Row("churn", "connections that come and go while events flow to others, who must lose nothing"),
    Row("presence", "members who join and leave a presence channel, seen by all others exactly once"),
    Row("reconnect-storm", "all clients cut off and back at once while events flow"),
    Row("slow-consumers", "some clients that stop reading: what the others notice and what becomes of the slow"),
    Row("delta", "realistic streams to plain and to delta subscribers: bytes on the wire, and every delta decoded"),
    Row("tags", "events with tags to subscribers with different filters: who must get each one, and who must not"),
    Row("published", "the benchmark such servers are quoted with: 500 connections in 190 s, 10 events/s"),
    Row("soak", "another scenario for hours, with memory, CPU and table sizes over time"),
)


def load_scenario(name: str) -> IScenario:
    """The module of a scenario."""
    row = next(row for row in SCENARIOS if row.name == name)
    return cast("IScenario", importlib.import_module(f"{__name__}.{row.module}"))
