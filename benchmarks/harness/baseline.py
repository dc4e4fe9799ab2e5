"""The ratios of an earlier run, and which have become worse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figure import Reading

__all__ = ["TOLERANCE", "read_baseline", "worsening", "write_baseline"]

TOLERANCE = 0.15
"""A ratio may be so much worse before it is a regression."""


def worsening(found: Reading, before: float) -> float:
    """By which part of itself the value is worse than it was; negative when it is better."""
    if not found.value or not before:
        return 0.0
    return (found.value / before if found.limit.better == "lower" else before / found.value) - 1


def read_baseline(path: Path) -> dict[str, float]:
    """Values by name; none when there is no file."""
    if not path.exists():
        return {}
    values: Mapping[str, float] = json.loads(path.read_text())["values"]
    return dict(values)


def write_baseline(path: Path, readings: Sequence[Reading], machine: Mapping[str, object]) -> None:
    """These values, in front of those of figures that were not taken this time."""
    values = {
        **read_baseline(path),
        **{each.name: float(f"{each.value:.4g}") for each in readings if each.compared},
    }
    about = {name: machine[name] for name in ("processor", "kernel", "python")}
    path.write_text(json.dumps({"machine": about, "values": dict(sorted(values.items()))}, indent=2) + "\n")
