"""One chart as SVG: curves over two axes, with a title, a legend and names on the axes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .colours import CURVES
from .scales import Scale

__all__ = ["Curve", "Size", "chart", "escape", "thinned"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 16, 34, 44
_LEGEND_LINE = 18
# Characters that no XML document may contain, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_LABEL = 48


class Curve(NamedTuple):
    """Points in ascending order of x."""

    label: str
    points: Sequence[tuple[float, float]]
    ends: bool = False
    """Mark the last point, where it is a value of its own."""


class Size(NamedTuple):
    """In the pixels of the drawing."""

    width: int
    height: int


def escape(text: object) -> str:
    """Any text as the content or an attribute of HTML and XML."""
    return html.escape(_ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", str(text)))


def thinned(points: Iterable[tuple[float, float]], columns: int = 300) -> list[tuple[float, float]]:
    """At most two points a column, its lowest and its highest: no spike is lost, however many points there are."""
    known = [*points]
    if len(known) <= columns * 2:
        return known
    first, span = known[0][0], (known[-1][0] - known[0][0]) or 1.0
    kept: dict[int, list[tuple[float, float]]] = {}
    for point in known:
        kept.setdefault(int((point[0] - first) / span * (columns - 1)), []).append(point)
    extremes = ({min(column, key=_height), max(column, key=_height)} for column in kept.values())
    return [point for column in extremes for point in sorted(column)]


def _height(point: tuple[float, float]) -> float:
    return point[1]


def chart(title: str, curves: Sequence[Curve], x: Scale, y: Scale, size: Size, place: tuple[int, int] = (0, 0)) -> str:
    """An <svg> element; colours come from the style sheet around it. A curve without points is only named."""
    legend, top = _legend(curves, size.width)
    name = escape(title)
    left, right, bottom = _LEFT, size.width - _RIGHT, size.height - _BOTTOM

    def across(value: float) -> float:
        return round(left + x.place(value) * (right - left), 1)

    def down(value: float) -> float:
        return round(bottom - y.place(value) * (bottom - top), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" {_frame(size, place)} role="img" aria-label="{name}">',
        f'<rect class="paper" width="{size.width}" height="{size.height}"/>',
        f'<text class="title" x="{left}" y="18">{name}</text>',
        *legend,
        *(f'<path class="grid" d="M{left} {down(at)}H{right}"/>' for at, _ in y.ticks),
        *(f'<text class="end" x="{left - 8}" y="{down(at) + 4:g}">{escape(text)}</text>' for at, text in y.ticks),
        *(f'<path class="grid" d="M{across(at)} {top}V{bottom}"/>' for at, _ in x.ticks),
        *(_under(across(at), bottom + 18, text, size.width) for at, text in x.ticks),
        f'<path class="axis" fill="none" d="M{left} {top}V{bottom}H{right}"/>',
        f'<text class="middle" x="{(left + right) / 2:g}" y="{bottom + 36}">{escape(x.title)}</text>',
        f'<text class="middle" transform="translate(14 {(top + bottom) / 2:g}) rotate(-90)">{escape(y.title)}</text>',
    ]
    for number, curve in enumerate(curves):
        colour = f"c{number % CURVES}"
        path = " ".join(f"{across(at)},{down(value)}" for at, value in curve.points)
        if len(curve.points) > 1:
            parts.append(f'<polyline class="line {colour}" points="{path}"/>')
        if curve.points and (curve.ends or len(curve.points) == 1):
            at, value = curve.points[-1]
            parts.append(f'<circle class="dot {colour}" cx="{across(at)}" cy="{down(value)}" r="3.5"/>')
    if not any(curve.points for curve in curves):
        middle = f'x="{(left + right) / 2:g}" y="{(top + bottom) / 2:g}"'
        parts.append(f'<text class="middle" {middle}>nothing was measured</text>')
    return "\n".join([*parts, "</svg>"])


def _under(across: float, down: float, text: str, width: int) -> str:
    """A tick's text, kept within the drawing at the right edge."""
    if across + len(text) * 3.6 > width - 2:
        return f'<text class="end" x="{width - 2}" y="{down}">{escape(text)}</text>'
    return f'<text class="middle" x="{across}" y="{down}">{escape(text)}</text>'


def _frame(size: Size, place: tuple[int, int]) -> str:
    width, height = size
    return f'x="{place[0]}" y="{place[1]}" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'


def _legend(curves: Sequence[Curve], width: int) -> tuple[list[str], int]:
    """A sample and a name for each of several curves, in as many lines as they need; and where the plot may begin."""
    if len(curves) < 2:
        return [], _TOP
    parts, across, line = [], _LEFT, 0
    for number, curve in enumerate(curves):
        label = curve.label if len(curve.label) <= _LONGEST_LABEL else curve.label[: _LONGEST_LABEL - 1] + "…"
        # Without the font at hand a character is taken for 6.6 of 12 pixels, which is generous.
        room = 34 + round(len(label) * 6.6)
        if across > _LEFT and across + room > width - _RIGHT:
            across, line = _LEFT, line + 1
        down = _TOP + 2 + line * _LEGEND_LINE
        parts.append(f'<path class="line c{number % CURVES}" d="M{across} {down - 4}h22"/>')
        parts.append(f'<text x="{across + 27}" y="{down}">{escape(label)}</text>')
        across += room + 10
    return parts, _TOP + 12 + line * _LEGEND_LINE
