"""Samples as the text Prometheus reads (text format 0.0.4).

Not prometheus-client's: it appends `_total` to the name of every counter, in HELP and TYPE lines also of a custom
collector, and eleven of ours do not end so (http-api.md 11.2). It reads what we write in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from ...engine.tally import Histogram
from .families import Family

__all__ = ["CONTENT_TYPE", "Exposition", "Value"]

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

Value = float | Histogram

_IN_LABELS = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})


class Exposition:
    """Takes samples in any order; families come out sorted by name, those without samples not at all.

    `port` is the value of that label wherever a family has it; None: samples bring theirs.
    """

    def __init__(self, prefix: str, port: str | None = None) -> None:
        self._prefix = prefix
        self._port = port
        self._found: dict[str, tuple[Family, list[str]]] = {}

    def add(self, family: Family, labels: Sequence[str], value: Value) -> None:
        """One sample, or one histogram; label values in the order the family declares them in."""
        if self._port is not None and "port" in family.labels:
            place = family.labels.index("port")
            labels = (*labels[:place], self._port, *labels[place:])
        name = self._prefix + family.name if family.prefixed else family.name
        _, lines = self._found.get(name) or self._found.setdefault(name, (family, []))
        pairs = ",".join(
            [f'{label}="{text.translate(_IN_LABELS)}"' for label, text in zip(family.labels, labels, strict=True)]
        )
        if isinstance(value, Histogram):
            lines += _buckets(name, pairs, value)
        else:
            lines.append(f"{name}{{{pairs}}} {_number(value)}\n" if pairs else f"{name} {_number(value)}\n")

    def text(self) -> bytes:
        """The page."""
        parts = []
        for name, (family, lines) in sorted(self._found.items(), key=itemgetter(0)):
            parts += [f"# HELP {name} {family.help.translate(_IN_HELP)}\n", f"# TYPE {name} {family.type}\n", *lines]
        return "".join(parts).encode()


def _buckets(name: str, pairs: str, histogram: Histogram) -> list[str]:
    before = f"{pairs}," if pairs else ""
    lines = []
    total = 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        total += count
        lines.append(f'{name}_bucket{{{before}le="{_number(bound)}"}} {total}\n')
    labels = f"{{{pairs}}}" if pairs else ""
    return [*lines, f"{name}_sum{labels} {_number(histogram.sum)}\n", f"{name}_count{labels} {total}\n"]


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
