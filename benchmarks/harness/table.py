"""Readings for people."""

from __future__ import annotations

from collections.abc import Mapping

from .baseline import TOLERANCE, worsening
from .figure import Reading

__all__ = ["HEAD", "lines", "verdict"]

HEAD = f"{'figure':<24}{'value':>9}  {'middle half':<17}{'reach':>8}{'aim':>8}  {'':<9}{'baseline':>9}  change"


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


def lines(each: Reading, baseline: Mapping[str, float], *, absolute: bool) -> list[str]:
    """A row under `HEAD`, and with `absolute` a second one that says what it is and what it was made of."""
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
    row = (
        f"{each.name:<24}{value:>9}  {spread:<17}{reach:>8}{aim:>8}  {verdict(each):<9}"
        f"{_number(before) if before is not None else '':>9}  {change}"
    )
    if not absolute:
        return [row.rstrip()]
    parts = (f"{name} {found if isinstance(found, str) else _number(found)}" for name, found in each.absolute.items())
    return [row.rstrip(), f"    {each.title}: {'; '.join(parts)}".rstrip(": ")]
