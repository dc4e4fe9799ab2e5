"""The scenarios: one module and one row each. A module has `add_options(parser)` and `play(stage)`."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:  # a list of names and a help text load nothing
    from ..stage import Stage


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

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declares its own options, and `set_defaults` for those that all have."""

    def play(self, stage: Stage) -> None:
        """Does it, and puts what came of it into the stage's figures, latencies and notes."""


SCENARIOS = (Row("fanout", "events published over REST, each to all subscribers of its channel"),)


def load_scenario(name: str) -> IScenario:
    """The module of a scenario."""
    row = next(row for row in SCENARIOS if row.name == name)
    return cast("IScenario", importlib.import_module(f"{__name__}.{row.module}"))
