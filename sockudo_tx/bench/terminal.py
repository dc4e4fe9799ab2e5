"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .documents import command, latencies
from .figures import Dimension, label, show_in
from .histogram import Histogram
from .require import Verdict
from .words import LATENCY_COLUMNS, answer, figure_rows, latency_rows, subtitle

__all__ = ["columns", "printable", "text_report"]

_BARS = " ▁▂▃▄▅▆▇█"
_BAR_WIDTH = 48


def text_report(document: Mapping[str, Any], verdicts: Sequence[Verdict]) -> str:
    """The answer, the latencies with their distribution, the figures, the limits and the notes. Ends without a
    newline."""
    parts = [f"{document['scenario']}  {subtitle(document)}", answer(document, verdicts).text]
    if rows := latency_rows(document):
        parts.append("\n".join(columns([["latency", *LATENCY_COLUMNS], *([kind, *values] for kind, values in rows)])))
        bars = ((label(kind), histogram) for kind, histogram in latencies(document).items() if histogram.count)
        parts.append("\n".join(columns([_bars(*bar) for bar in bars], "<><<")))
    if figures := figure_rows(document):
        parts.append("\n".join(_beside(columns(map(list, figures)))))
    if verdicts:
        marks = ([("ok" if one.holds else "BROKEN"), one.name, one.limit, one.actual] for one in verdicts)
        parts.append("\n".join(columns(marks, "<<<<")))
    if notes := document.get("notes"):
        parts.append("\n".join(f"* {note}" for note in notes))
    parts.append(f"again: {command(document)}")
    return printable("\n\n".join(part for part in parts if part))


def columns(rows: Iterable[Sequence[str]], sides: str = "<") -> list[str]:
    """Lines of aligned cells; `sides` says < or > for each column, > for those it does not mention."""
    known = [*rows]
    sides = sides.ljust(max(map(len, known), default=0), ">")
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in known
    ]


def _beside(lines: Sequence[str]) -> list[str]:
    """Long lists in two columns."""
    if len(lines) < 8:
        return list(lines)
    half, width = (len(lines) + 1) // 2, max(map(len, lines))
    return [
        f"{left:<{width}}    {right}".rstrip()
        for left, right in zip(lines[:half], [*lines[half:], ""][:half], strict=True)
    ]


def _bars(kind: str, histogram: Histogram) -> list[str]:
    """The distribution on a logarithmic scale from the lowest to the highest. Any column with a duration shows it."""
    low, high = max(histogram.lowest or 0.0, 1e-9), max(histogram.highest or 0.0, 1e-9)
    if high <= low * 1.001:
        return [kind, show_in(Dimension.TIME, low), _BARS[-1], show_in(Dimension.TIME, high)]
    found = histogram.spread(_BAR_WIDTH, low, high)
    most = max(found)
    bars = "".join(_BARS[(count > 0) + count * (len(_BARS) - 2) // most] for count in found)
    return [kind, show_in(Dimension.TIME, low), bars, show_in(Dimension.TIME, high)]


def printable(text: str) -> str:
    """Without what would command a terminal: a server chooses some of these texts."""
    return "".join(letter if letter == "\n" or letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
