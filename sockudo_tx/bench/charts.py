"""Which charts a report has: latency by percentile, latency over time, and every series of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .colours import plot_style
from .documents import latencies, main_kind
from .figures import Dimension, is_statistic, label, unit
from .plot import Curve, Size, chart, thinned
from .scales import elapsed, linear, logarithmic, percentiles

__all__ = ["latency_chart", "picture", "series_charts", "time_chart"]

Document = Mapping[str, Any]

_WIDE = Size(840, 330)
_LOW = Size(840, 230)
_HALF = Size(412, 210)
_GAP = 16
_LARGEST = 1e18


def latency_chart(documents: Sequence[Document], labels: Sequence[str], place: tuple[int, int] = (0, 0)) -> str | None:
    """Latency by percentile: every kind of one run, or the main kind of several. None when none was measured."""
    if len(documents) == 1:
        measured = latencies(documents[0])
        title = "Latency by percentile"
    else:
        measured = {}
        for document, name in zip(documents, labels, strict=True):
            if kind := main_kind(document):
                measured[name] = latencies(document)[kind]
        kinds = {label(kind) for kind in map(main_kind, documents) if kind}
        title = f"Latency by percentile ({', '.join(sorted(kinds))})"
    curves = [
        Curve(
            f"{label(kind) if len(documents) == 1 else kind} ({histogram.count:,})",
            [(-math.log10(1 - share), max(seconds, 1e-9)) for share, seconds in histogram.points()],
            ends=True,
        )
        for kind, histogram in measured.items()
        if histogram.count
    ]
    if not curves:
        return None
    values = [value for curve in curves for _, value in curve.points]
    y = logarithmic("latency", Dimension.TIME, min(values), max(values))
    x = percentiles("percentile; the dot is the highest", max(curve.points[-1][0] for curve in curves))
    return chart(title, curves, x, y, _WIDE, place)


def time_chart(document: Document, place: tuple[int, int] = (0, 0)) -> str | None:
    """The percentiles of one run over its time. None when it kept none."""
    names = [name for name in document.get("series", {}) if is_statistic(name)]
    curves = [Curve(label(name), _points(document, name)) for name in names]
    values = [value for curve in curves for _, value in curve.points if value > 0]
    if not values:
        return None
    drawn = [curve._replace(points=[point for point in curve.points if point[1] > 0]) for curve in curves]
    y = logarithmic("latency", Dimension.TIME, min(values), max(values))
    x = elapsed(max(at for curve in drawn for at, _ in curve.points))
    return chart("Latency over time", drawn, x, y, _LOW, place)


def series_charts(
    documents: Sequence[Document], labels: Sequence[str], places: Sequence[tuple[int, int]] = ()
) -> list[str]:
    """A small chart for each other series; several runs share it."""
    found: list[str] = []
    for name in _series(documents):
        curves = [
            Curve(text, _points(document, name))
            for document, text in zip(documents, labels, strict=True)
            if name in document.get("series", {})
        ]
        values = [value for curve in curves for _, value in curve.points] or [0.0]
        x = elapsed(max((at for curve in curves for at, _ in curve.points), default=1.0))
        y = linear("", unit(name)[0], min(values), max(values))
        text = f"Latency over time: {label(name)}" if is_statistic(name) else label(name)
        place = places[len(found)] if len(found) < len(places) else (0, 0)
        found.append(chart(text[:1].upper() + text[1:], curves, x, y, _HALF, place))
    return found


def picture(documents: Sequence[Document], labels: Sequence[str], *, dark: bool = True) -> str:
    """All charts of a report in one SVG file."""
    parts: list[str] = []
    down = 0
    if drawn := latency_chart(documents, labels, (0, down)):
        parts, down = [*parts, drawn], down + _WIDE.height + _GAP
    if len(documents) == 1 and (drawn := time_chart(documents[0], (0, down))):
        parts, down = [*parts, drawn], down + _LOW.height + _GAP
    count = len(_series(documents))
    places = [
        ((number % 2) * (_HALF.width + _GAP), down + number // 2 * (_HALF.height + _GAP)) for number in range(count)
    ]
    parts += series_charts(documents, labels, places)
    down += math.ceil(count / 2) * (_HALF.height + _GAP)
    if not parts:
        parts, down = [chart("Latency by percentile", [], percentiles("percentile", 2), _NOTHING, _WIDE)], _WIDE.height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" width="{_WIDE.width}" height="{down}" '
        f'viewBox="0 0 {_WIDE.width} {down}">\n<style>\n{plot_style(dark=dark)}\n</style>\n'
        f'<rect class="paper" width="{_WIDE.width}" height="{down}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


_NOTHING = logarithmic("latency", Dimension.TIME, 0.001, 0.1)


def _series(documents: Sequence[Document]) -> list[str]:
    """The names of the series that get a chart of their own, in the order in which runs have them. A series of nothing
    but zeros gets none: a server tells many of those."""
    names = dict.fromkeys(
        name for one in documents for name, points in one.get("series", {}).items() if any(value for _, value in points)
    )
    return [name for name in names if len(documents) > 1 or not is_statistic(name)]


def _points(document: Document, name: str) -> list[tuple[float, float]]:
    factor = unit(name)[1]
    points = ((at, value * factor) for at, value in document["series"][name] if value is not None)
    # What is larger, infinite or no number was not measured, and no axis could show it.
    return thinned(point for point in points if abs(point[0]) < _LARGEST and abs(point[1]) < _LARGEST)
