"""What reports of any form say: the answer in a sentence, the figures and the latencies as rows of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .documents import latencies, main_kind, public, target
from .figures import FAULTS, Dimension, is_statistic, label, show, show_in, stem
from .histogram import Histogram
from .require import Verdict

__all__ = [
    "LATENCY_COLUMNS",
    "Answer",
    "Compared",
    "answer",
    "comparison",
    "compared",
    "figure_rows",
    "key_figures",
    "latency_rows",
    "shared_rows",
    "subtitle",
]

Document = Mapping[str, Any]

LATENCY_COLUMNS = ("count", "mean", "p50", "p95", "p99", "p99.9", "max")
_SHARES = (0.5, 0.95, 0.99, 0.999, 1.0)
# The first six of these that a run has are shown large, then others.
_KEYS = (
    "deliveries_per_second",
    "p50_ms",
    "p99_ms",
    "max_ms",
    "lost",
    "connections_per_second",
    "reconnections_per_second",
    "requests_per_second",
    "storm_seconds",
    "rss_growth_bytes",
    "server_cpu_us_per_delivery",
    "server_cpu_us_per_request",
    "server_cpu_us_per_connection",
    "rss_bytes_per_connection",
    "server_rss_bytes",
    "published",
    "server_cpu_percent",
    "duplicates",
    "disorder",
    "refused",
)
_KEY_FIGURES = 6
_PERCENTILES = ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms")


class Answer(NamedTuple):
    """Whether all is well, and why."""

    good: bool
    text: str


class Compared(NamedTuple):
    """One figure of several runs."""

    name: str
    values: list[str]
    ratio: str
    """The last to the first, when there are two and both are known."""


def answer(document: Document, verdicts: Sequence[Verdict]) -> Answer:
    """Limits must hold, and nothing may be lost, refused or the like unless a limit says how much of it."""
    figures, limited = document["figures"], {verdict.name for verdict in verdicts}
    faults = {name: f"{label(name)} {show(name, figures[name])}" for name in FAULTS if figures.get(name)}
    broken = [verdict for verdict in verdicts if not verdict.holds]
    good = not broken and limited.issuperset(faults)
    facts = _facts(document, [*faults.values()])
    if broken:
        found = "; ".join(f"{one.name} is {one.actual} and must be {one.limit}" for one in broken)
        facts.insert(0, f"Failed {len(broken)} of {_count(len(verdicts), 'limit')}: {found}.")
    elif verdicts:
        facts.insert(0, f"{_all(len(verdicts))}{'' if good else ', but there were faults without a limit'}.")
    if not facts:
        facts = [f"{name}: {value}." for name, value in key_figures(document)] or ["Nothing was measured."]
    return Answer(good, " ".join(facts))


def _all(count: int) -> str:
    return {1: "The limit holds", 2: "Both limits hold"}.get(count, f"All {count} limits hold")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _facts(document: Document, faults: Sequence[str]) -> list[str]:
    figures, found = document["figures"], []
    if figures.get("expected") and figures.get("delivered") is not None:
        rate = figures.get("deliveries_per_second")
        speed = f", {show('', rate)} a second" if rate is not None else ""
        found.append(f"{show('', figures['delivered'])} of {show('', figures['expected'])} deliveries arrived{speed}.")
    if faults:
        found.append(f"Faults: {', '.join(faults)}.")
    kind = main_kind(document)
    if kind is not None and (histogram := latencies(document)[kind]).count:
        typical, high = (_time(histogram.percentile(share)) for share in (0.5, 0.99))
        found.append(f"Half of the {label(kind)} latencies are at most {typical}, 99 % at most {high}.")
    return found


def comparison(documents: Sequence[Document], labels: Sequence[str]) -> str:
    """The 99th percentile of each run, and how many times the first one's it is."""
    found: list[str] = []
    first: float | None = None
    for document, name in zip(documents, labels, strict=True):
        kind = main_kind(document)
        high = latencies(document)[kind].percentile(0.99) if kind else None
        times = f" ({high / first:.2f} times)" if high is not None and first else ""
        found.append(f"{name} {_time(high)}{times}")
        first = high if first is None else first
    return f"99 % of the latencies are at most: {', '.join(found)}."


def subtitle(document: Document) -> str:
    """Which server, when and how long."""
    seconds = show_in(Dimension.TIME, document.get("seconds") or 0.0)
    return " · ".join(text for text in (target(document), str(document.get("started", "")), seconds) if text)


def key_figures(document: Document) -> list[tuple[str, str]]:
    """The few figures that say most, as label and value."""
    figures = {name: value for name, value in document["figures"].items() if value is not None}
    kind = main_kind(document)
    if kind is not None and kind != "delivery":
        # The figures p50 and so on are those of deliveries, which this run is not about.
        histogram = latencies(document)[kind]
        found = {f"{kind}_{name}_ms": value for name, value in histogram.summary().items() if value is not None}
        figures = found | {name: value for name, value in figures.items() if name not in _PERCENTILES}
        keys = [f"{kind}_{name}" if name in _PERCENTILES else name for name in _KEYS]
    else:
        keys = [*_KEYS]
    names = dict.fromkeys([*(name for name in keys if name in figures), *figures])
    return [(label(name), show(name, figures[name])) for name in [*names][:_KEY_FIGURES]]


def figure_rows(document: Document) -> list[tuple[str, str]]:
    """Every figure as label and value, but for the percentiles, which the latencies repeat."""
    shown = {"", *document.get("latencies", ())}
    return [
        (label(name), show(name, value))
        for name, value in document["figures"].items()
        if not (is_statistic(name) and stem(name).rpartition("_")[0] in shown)
    ]


def latency_rows(document: Document) -> list[tuple[str, list[str]]]:
    """Each kind of latency with its LATENCY_COLUMNS; the main one first."""
    return [(label(kind), _columns(histogram)) for kind, histogram in latencies(document).items()]


def _columns(histogram: Histogram) -> list[str]:
    times = [histogram.mean, *map(histogram.percentile, _SHARES)]
    return [f"{histogram.count:,}", *map(_time, times)]


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else show_in(Dimension.TIME, seconds)


def compared(documents: Sequence[Document]) -> list[Compared]:
    """Every figure of any of the runs, side by side."""
    rows = []
    for name in dict.fromkeys(name for document in documents for name in document["figures"]):
        values = [document["figures"].get(name) for document in documents]
        known = len(values) == 2 and None not in values and values[0]
        rows.append(
            Compared(
                label(name), [show(name, value) for value in values], f"{values[1] / values[0]:.2f}" if known else ""
            )
        )
    return rows


def shared_rows(documents: Sequence[Document], part: str) -> list[tuple[str, list[str]]]:
    """Options or machines side by side, without secrets."""
    found = [public(document.get(part, {})) for document in documents]
    names = dict.fromkeys(name for values in found for name in values)
    return [(name, [values.get(name, "-") for values in found]) for name in names]
