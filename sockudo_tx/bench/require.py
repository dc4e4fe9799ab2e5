"""`--require p99=5ms,loss=0`: limits that a run must hold, and whether it did."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from .documents import latencies, main_kind
from .figures import FAULTS, Dimension, show_in, stem, unit
from .histogram import Histogram

__all__ = ["Limit", "LimitError", "Verdict", "check_limits", "parse_limits"]

_EXAMPLES = "like p99=5ms, publish.p99<=20ms, loss=0, rss_per_connection<=9KiB or deliveries_per_second>=100000"
_PART = re.compile(
    r"(?:(?P<kind>[a-z][a-z0-9_-]*)\.)?(?P<name>p[0-9]+\.[0-9]+|[a-z][a-z0-9_]*)\s*(?P<operator><=|>=|<|>|=)\s*"
    r"(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?(?:e[0-9]+)?)\s*(?P<unit>[a-zµμ]+|%)?",
    re.IGNORECASE | re.ASCII,
)
_STATISTIC = re.compile(r"p(?P<share>[0-9]{1,3}(?:\.[0-9]{1,6})?|[0-9]{3,8})|mean|min|max")
_ALIASES = {
    "loss": "lost",
    "dups": "duplicates",
    "duplicate": "duplicates",
    "order": "disorder",
    "avg": "mean",
    "average": "mean",
    "median": "p50",
}
_LARGEST = 1e18
_OPERATORS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt, "=": operator.eq}
_SIGNS = {"<=": "≤", ">=": "≥"}
_UNITS = {
    "us": (Dimension.TIME, 1e-6),
    "µs": (Dimension.TIME, 1e-6),  # the sign for micro
    "μs": (Dimension.TIME, 1e-6),  # the Greek letter: keyboards have either
    "ms": (Dimension.TIME, 1e-3),
    "s": (Dimension.TIME, 1.0),
    "min": (Dimension.TIME, 60.0),
    "h": (Dimension.TIME, 3600.0),
    "b": (Dimension.SIZE, 1.0),
    "kb": (Dimension.SIZE, 1e3),
    "mb": (Dimension.SIZE, 1e6),
    "gb": (Dimension.SIZE, 1e9),
    "kib": (Dimension.SIZE, 1024.0),
    "mib": (Dimension.SIZE, 1024.0**2),
    "gib": (Dimension.SIZE, 1024.0**3),
    "%": (Dimension.SHARE, 1.0),
}


class LimitError(ValueError):
    """A limit that cannot be understood or is about nothing known; the text names it, the rule and examples."""


class Limit(NamedTuple):
    """One part of --require."""

    text: str
    kind: str | None
    """Of which latency; None for a figure, and for the scenario's main latency."""
    name: str
    operator: str
    """How the figure must compare with the value; `=` has become <= where it means "at most"."""
    value: float
    """In seconds, bytes, per cent or a plain number."""
    dimension: Dimension


class Verdict(NamedTuple):
    """Whether one limit was held; all for people."""

    name: str
    limit: str
    actual: str
    """Why there is no figure, when there is none."""
    holds: bool


def parse_limits(text: str, figures: Collection[str] | None = None, kinds: Collection[str] = ()) -> list[Limit]:
    """The limits of a comma-separated text. With the figures and the kinds of latencies that a scenario declares, a
    name that is none of them is refused. Raises LimitError."""
    limits = [_parse(part.strip()) for part in text.split(",")]
    if figures is not None:
        for limit in limits:
            _check_name(limit, figures, kinds)
    return limits


def _parse(part: str) -> Limit:
    found = _PART.fullmatch(part)
    if found is None:
        named = repr(part) if part else "an empty part"
        raise LimitError(f"{named} is no limit: write NAME, one of <= < >= > =, a number and its unit, {_EXAMPLES}")
    kind, name = found["kind"] and found["kind"].lower(), found["name"].lower()
    name = _ALIASES.get(name, name)
    if kind and not _STATISTIC.fullmatch(name):
        raise LimitError(f"{part!r}: of a latency there are p50, p99, p99.9, ..., mean, min and max, not {name!r}")
    value = _number(part, found["number"])
    dimension, factor = _dimension(part, name, found["unit"])
    if found["operator"] == "=" and name.endswith("_per_second"):
        raise LimitError(f"{part!r}: for a rate say >= or <=, since nobody hits it exactly")
    exact = dimension is Dimension.PLAIN and name not in FAULTS
    sign = "<=" if found["operator"] == "=" and not exact else found["operator"]
    return Limit(part, kind, name, sign, value * factor, dimension)


def _number(part: str, text: str) -> float:
    value = float(text.replace("_", ""))
    if value > _LARGEST:
        raise LimitError(f"{part!r}: the number is above {_LARGEST:g}")
    return value


def _dimension(part: str, name: str, written: str | None) -> tuple[Dimension, float]:
    named = unit(name)
    if written is None:
        if _STATISTIC.fullmatch(name):
            raise LimitError(f"{part!r} needs a unit, one of us, ms, s: {name}=5ms")
        return named
    found = _UNITS.get(written.lower())
    if found is None:
        raise LimitError(f"{part!r}: the unit {written!r} is none of {', '.join(_UNITS)}")
    if named[0] is not Dimension.PLAIN and named[0] is not found[0]:
        raise LimitError(f"{part!r}: {name} is {named[0].value}")
    if _STATISTIC.fullmatch(name) and found[0] is not Dimension.TIME:
        raise LimitError(f"{part!r}: {name} is {Dimension.TIME.value}")
    return found


def _check_name(limit: Limit, figures: Iterable[str], kinds: Collection[str]) -> None:
    if limit.kind is not None and limit.kind not in kinds:
        raise LimitError(f"{limit.text!r}: no latency {limit.kind!r} here{_nearest(limit.kind, kinds)}")
    if _STATISTIC.fullmatch(limit.name) and kinds:
        return
    found = _candidates(limit.name, figures)
    if not found:
        known = [*map(stem, figures), *_ALIASES, *(f"{kind}.{name}" for kind in kinds for name in ("p50", "p99"))]
        raise LimitError(f"{limit.text!r}: no figure {limit.name!r} here{_nearest(limit.name, known)}")
    if not any(unit(figure)[0] is limit.dimension for figure in found):
        raise LimitError(f"{limit.text!r}: {limit.name} is {unit(found[0])[0].value}")


def check_limits(limits: Iterable[Limit], document: Mapping[str, Any]) -> list[Verdict]:
    """One verdict for each limit, in their order. What was not measured does not hold."""
    return [_check(limit, document) for limit in limits]


def _check(limit: Limit, document: Mapping[str, Any]) -> Verdict:
    name = limit.name if limit.kind is None else f"{limit.kind}.{limit.name}"
    wanted = f"{_SIGNS.get(limit.operator, limit.operator)} {show_in(limit.dimension, limit.value)}"
    try:
        actual = _actual(limit, document)
    except LimitError as error:
        return Verdict(name, wanted, str(error), holds=False)
    if actual is None or math.isnan(actual):
        return Verdict(name, wanted, "not measured", holds=False)
    return Verdict(name, wanted, show_in(limit.dimension, actual), _OPERATORS[limit.operator](actual, limit.value))


def _actual(limit: Limit, document: Mapping[str, Any]) -> float | None:
    """In the unit of the limit's value. Raises LimitError when there is no such figure."""
    measured = latencies(document)
    if limit.kind is not None and limit.kind not in measured:
        raise LimitError(f"no such latency; known: {_list(measured)}")
    figures: Mapping[str, float | None] = document["figures"]
    if _STATISTIC.fullmatch(limit.name) and (kind := limit.kind or main_kind(document)):
        return _statistic(limit.name, measured[kind])
    found = _candidates(limit.name, figures)
    if not found:
        raise LimitError(f"no such figure; known: {_known(figures, measured)}")
    figure = next((figure for figure in found if unit(figure)[0] is limit.dimension), None)
    if figure is None:
        raise LimitError(f"it is {unit(found[0])[0].value}")
    value = figures[figure]
    return None if value is None else value * unit(figure)[1]


def _statistic(name: str, histogram: Histogram) -> float | None:
    found = _STATISTIC.fullmatch(name)
    if found is None or found["share"] is None:
        return {"mean": histogram.mean, "min": histogram.lowest, "max": histogram.highest}[name]
    digits = found["share"]
    # p999 is p99.9, as everywhere; p100 is the highest.
    share = float(digits if "." in digits or len(digits) < 3 or digits == "100" else f"{digits[:2]}.{digits[2:]}")
    return histogram.percentile(share / 100)


def _candidates(name: str, figures: Iterable[str]) -> list[str]:
    """The figures a name may mean: the one of exactly this name first, then those that are it but for the unit."""
    same = [figure for figure in figures if name in (figure, stem(figure), _ALIASES.get(stem(figure)))]
    return sorted(same, key=lambda figure: figure != name)


def _known(figures: Iterable[str], kinds: Collection[str]) -> str:
    return _list([*dict.fromkeys(map(stem, figures)), *(f"{kind}.p99" for kind in kinds)])


def _nearest(name: str, known: Iterable[str]) -> str:
    """The names most like it, or all when none is."""
    names = [*dict.fromkeys(known)]
    near = difflib.get_close_matches(name, names, 3)
    return f"; did you mean {' or '.join(near)}?" if near else f", known are {_list(names)}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
