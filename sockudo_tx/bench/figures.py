"""What a figure's name says: its unit, a label for people, and how a value is written.

The unit is the last word of the name or the one before `per`: p99_ms, rss_bytes_per_connection, loss_percent. A name
without one is a plain number or, with `_per_second`, a rate.
"""

from __future__ import annotations

import enum
import math
import re

__all__ = ["FAULTS", "Dimension", "is_statistic", "label", "show", "show_in", "stem", "unit"]


class Dimension(enum.Enum):
    """What can be compared with what."""

    TIME = "a time, like 5ms"
    SIZE = "a size, like 9KiB"
    SHARE = "a share, like 1%"
    PLAIN = "a number without a unit"


FAULTS = ("lost", "duplicates", "disorder", "strays", "refused", "disconnected", "errors", "decode_errors", "wrong")
"""Figures that must be 0 for a run to be a success, unless a limit allows more."""

# How many seconds, bytes or per cent one of them is.
_UNITS = {
    "us": (Dimension.TIME, 1e-6),
    "ms": (Dimension.TIME, 1e-3),
    "seconds": (Dimension.TIME, 1.0),
    "bytes": (Dimension.SIZE, 1.0),
    "kib": (Dimension.SIZE, 1024.0),
    "mib": (Dimension.SIZE, 1024.0**2),
    "percent": (Dimension.SHARE, 1.0),
}
_STATISTIC = re.compile(r"p\d+|mean|min|max")
_TIMES = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "B"))
_CAPITALS = {
    "cpu": "CPU",
    "rss": "RSS",
    "rest": "REST",
    "tls": "TLS",
    "api": "API",
    "http": "HTTP",
    "fds": "open files",
}


def _split(name: str) -> tuple[list[str], str | None]:
    """The words of a name without its unit, and the unit."""
    words = name.split("_")
    places = [len(words) - 1, *([words.index("per") - 1] if "per" in words else [])]
    place = next((place for place in places if place > 0 and words[place] in _UNITS), None)
    return (words, None) if place is None else (words[:place] + words[place + 1 :], words[place])


def stem(name: str) -> str:
    """The name without its unit: p99_ms is p99, rss_bytes_per_connection is rss_per_connection."""
    return "_".join(_split(name)[0])


def unit(name: str) -> tuple[Dimension, float]:
    """What the figure measures, and how many seconds, bytes or per cent its 1 is."""
    found = _split(name)[1]
    return (Dimension.PLAIN, 1.0) if found is None else _UNITS[found]


def is_statistic(name: str) -> bool:
    """Whether it is a percentile, the mean or an extreme of a latency: p99_ms, connect_p50_ms."""
    return unit(name)[0] is Dimension.TIME and _STATISTIC.fullmatch(stem(name).rpartition("_")[2]) is not None


def label(name: str) -> str:
    """The name for people: server_cpu_us_per_delivery is "server CPU per delivery", p999_ms is "p99.9"."""
    return " ".join(_CAPITALS.get(word, _percentile(word)) for word in _split(name)[0])


def _percentile(word: str) -> str:
    return f"p{word[1:3]}.{word[3:]}" if len(word) > 3 and word[0] == "p" and word[1:].isdecimal() else word


def show(name: str, value: float | None) -> str:
    """The value of a figure for people, with its unit."""
    dimension, factor = unit(name)
    return "-" if value is None else show_in(dimension, value * factor)


def show_in(dimension: Dimension, value: float) -> str:
    """Seconds, bytes, per cent or a plain number in three digits and the unit that suits them."""
    if not math.isfinite(value):
        return "-"
    if dimension is Dimension.PLAIN:
        return _digits(value)
    if dimension is Dimension.SHARE:
        return f"{_digits(value)} %"
    units = _TIMES if dimension is Dimension.TIME else _SIZES
    if not value:
        return f"0 {'s' if dimension is Dimension.TIME else 'B'}"
    # 0.9996 ms is shown as 1.00 ms and never as 1,000 µs.
    scale, name = next((found for found in units if abs(value) >= found[0] * 0.9995), units[-1])
    return f"{_digits(value / scale)} {name}"


def _digits(value: float) -> str:
    value = float(f"{value:.12g}")  # 1e-05 s are 10.000000000000002 µs otherwise
    if abs(value) >= 1e15:
        return f"{value:.2e}"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    places = 2 - math.floor(math.log10(abs(value) * 1.0005))
    return f"{value:.{min(places, 9)}f}"
