"""Readings for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .baseline import TOLERANCE, worsening
from .figure import Reading

__all__ = ["lines", "verdict"]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def verdict(found: Reading) -> str:
    """`aim` or `ok` (reached), `below` (not reached), nothing where there is no limit."""
    if not found.limit.holds(found.value):
        return "BELOW"
    if found.limit.aimed(found.value):
        return "ok, aim"
    return "ok" if found.limit.reach is not None else ""


def lines(readings: Sequence[Reading], baseline: Mapping[str, float], *, absolute: bool) -> list[str]:
    """A table: value, spread, reach, aim, verdict, change against the baseline."""
    head = f"{'figure':<24}{'value':>9}  {'middle half':<15}{'reach':>8}{'aim':>8}  {'':<9}{'baseline':>9}  change"
    rows = [head, "-" * len(head)]
    for each in readings:
        sign = "≤" if each.limit.better == "lower" else "≥"
        spread = f"{_number(each.low)} – {_number(each.high)}" if each.low is not None else ""
        reach = f"{sign} {_number(each.limit.reach)}" if each.limit.reach is not None else ""
        aim = _number(each.limit.aim) if each.limit.aim is not None else ""
        before = baseline.get(each.name) if each.compared else None
        change = ""
        if before is not None:
            worse = worsening(each, before)
            change = f"{abs(worse):.0%} {'worse' if worse > 0 else 'better'}" if abs(worse) >= 0.005 else "same"
            if worse > TOLERANCE:
                change += "  REGRESSION"
        value = f"{_number(each.value)}{' ' + each.unit if each.unit else ''}"
        rows.append(
            f"{each.name:<24}{value:>9}  {spread:<15}{reach:>8}{aim:>8}  {verdict(each):<9}"
            f"{_number(before) if before is not None else '':>9}  {change}".rstrip()
        )
        if absolute:
            parts = (
                f"{name} {value if isinstance(value, str) else _number(value)}" for name, value in each.absolute.items()
            )
            rows.append(f"    {each.title}: {'; '.join(parts)}")
    return rows
