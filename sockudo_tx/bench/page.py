"""The report as one HTML page that needs nothing else: no script, no font, no address outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .charts import latency_chart, series_charts, time_chart
from .colours import FONT, plot_style
from .documents import command
from .plot import escape
from .require import Verdict
from .words import (
    LATENCY_COLUMNS,
    answer,
    compared,
    comparison,
    figure_rows,
    key_figures,
    latency_rows,
    shared_rows,
    subtitle,
)

__all__ = ["page"]

Document = Mapping[str, Any]

_UNIT = re.compile(r"(?<=\d) (?=(%|[nµm]?s|min|h|B|[KMG]iB)(?!\w))")
_OPTION = re.compile(r"--[a-z][a-z-]*")

_STYLE = f"""
:root{{--paper:#fff;--ink:#1d2129;--faint:#5c6370;--line:#d9dde3;--soft:#f4f5f7;--good:#00664b;--bad:#b3261e}}
@media screen and (prefers-color-scheme:dark){{
:root{{--paper:#15181d;--ink:#e8eaed;--faint:#a4abb6;--line:#363c45;--soft:#1e2228;--good:#3fd1a4;--bad:#ff8a7f}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;padding:24px 20px;max-width:920px;background:var(--paper);color:var(--ink);font:15px/1.45 {FONT}}}
h1{{font-size:24px;line-height:1.2;margin:0}} h2{{font-size:15px;margin:22px 0 6px}} p{{margin:4px 0}}
.faint{{color:var(--faint)}} .break,td{{overflow-wrap:anywhere}}
.answer{{border-left:5px solid;padding:8px 12px;margin:14px 0;background:var(--soft)}}
.answer.good{{border-color:var(--good)}} .answer.bad{{border-color:var(--bad)}} .answer{{border-color:var(--faint)}}
.good b,td.good{{color:var(--good)}} .bad b,td.bad{{color:var(--bad)}}
.keys{{display:flex;flex-wrap:wrap;gap:8px;margin:14px 0;padding:0;list-style:none}}
.keys li{{flex:1 1 120px;border:1px solid var(--line);border-radius:6px;padding:7px 11px}}
.keys b{{display:block;font-size:20px;white-space:nowrap}} .keys span{{font-size:13px;color:var(--faint)}}
svg.plot{{display:block;width:100%;height:auto;margin:14px 0 0}}
.pairs{{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:0 28px;align-items:start}}
.three{{grid-template-columns:repeat(auto-fit,minmax(240px,1fr))}}
.whole{{white-space:nowrap}} .wide{{overflow-x:auto}} .wide svg.plot{{min-width:600px}}
table{{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}}
th,td{{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}}
th{{font-weight:600;color:var(--faint)}} .right th,.right td{{text-align:right;white-space:nowrap}}
.right th:first-child,.right td:first-child{{text-align:left;white-space:normal}}
th:last-child,td:last-child{{padding-right:0}}
pre{{background:var(--soft);padding:9px 12px;margin:6px 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}}
ul.notes{{margin:4px 0;padding-left:20px}}
@page{{size:A4;margin:9mm 11mm}}
@media print{{
body{{padding:0;max-width:none;font-size:8pt;line-height:1.25}}
h1{{font-size:13pt}} h2{{font-size:8.5pt;margin:6px 0 1px}} p,ul.notes{{margin:1px 0}}
table,pre,.keys span{{font-size:7pt}} th,td{{padding-top:0;padding-bottom:1px}} .keys b{{font-size:11pt}}
.keys,.answer{{margin:5px 0}} .keys li,.answer{{padding:2px 8px}} pre{{margin:2px 0;padding:3px 8px}}
.keys li{{flex-basis:80px}} .wide svg.plot{{min-width:0}} svg.plot{{margin-top:4px;max-height:58mm}}
.time svg.plot{{max-height:40mm}}
.pairs{{display:flex;gap:0 16px}} .pairs>div{{flex:1 1 0}}
.pairs.series{{display:grid;grid-template-columns:repeat(3,1fr)}} .series svg.plot,tr{{break-inside:avoid}}
.answer,.keys li{{-webkit-print-color-adjust:exact;print-color-adjust:exact}}}}
"""


def page(documents: Sequence[Document], labels: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    """One run, or several side by side."""
    scenarios = ", ".join(dict.fromkeys(str(document["scenario"]) for document in documents))
    title = f"sockudo bench {scenarios}" + ("" if len(documents) == 1 else f": {' and '.join(labels)}")
    body = [f"<h1>{escape(title)}</h1>"]
    for document, name in zip(documents, labels, strict=True):
        named = f"{escape(name)}: " if len(documents) > 1 else ""
        body.append(f'<p class="faint break">{named}{escape(subtitle(document))}</p>')
    body += _one(documents[0], verdicts) if len(documents) == 1 else _several(documents, labels)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="color-scheme" content="light dark"/>\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{plot_style()}\n</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _one(document: Document, verdicts: Sequence[Verdict]) -> list[str]:
    good, text = answer(document, verdicts)
    keys = "".join(
        f"<li><b>{escape(value)}</b><span>{escape(name)}</span></li>" for name, value in key_figures(document)
    )
    rows = latency_rows(document)
    return [
        f'<p class="answer {"good" if good else "bad"}"><b>{"✓" if good else "✗"}</b> {_sentence(text)}</p>',
        f'<ul class="keys">{keys}</ul>' if keys else "",
        _wide(latency_chart([document], [""])),
        _table(["latency", *LATENCY_COLUMNS], ([kind, *values] for kind, values in rows)) if rows else "",
        _wide(time_chart(document), "time"),
        _pairs("series", series_charts([document], [""])),
        _pairs("", [_limits(verdicts), _ending([document], [""])]),
        _pairs("three", [_titled("Figures", _table([], map(list, figure_rows(document)))), *_shared([document], [])]),
    ]


def _several(documents: Sequence[Document], labels: Sequence[str]) -> list[str]:
    ratio = ["ratio"] if len(documents) == 2 else []
    figures = ([row.name, *row.values, *([row.ratio] if ratio else [])] for row in compared(documents))
    return [
        f'<p class="answer plain">{_sentence(comparison(documents, labels))}</p>',
        _wide(latency_chart(documents, labels)),
        _pairs("series", series_charts(documents, labels)),
        _titled("Figures", _table(["", *labels, *ratio], figures)),
        *_shared(documents, ["", *labels]),
        _ending(documents, labels),
    ]


def _shared(documents: Sequence[Document], head: Sequence[str]) -> list[str]:
    """The options and the machine of every run."""
    return [
        _titled(title, _table(head, ([name, *values] for name, values in shared_rows(documents, part))))
        for title, part in (("Options", "options"), ("Machine", "machine"))
    ]


def _limits(verdicts: Sequence[Verdict]) -> str:
    rows = "".join(
        f'<tr><td class="{"good" if one.holds else "bad"}">{"✓ held" if one.holds else "✗ broken"}</td>'
        f"<td>{escape(one.name)}</td><td>{escape(one.limit)}</td><td>{escape(one.actual)}</td></tr>"
        for one in verdicts
    )
    head = "<tr><th></th><th>limit</th><th>wanted</th><th>found</th></tr>"
    return _titled("Limits", f"<table>{head}{rows}</table>") if verdicts else ""


def _ending(documents: Sequence[Document], labels: Sequence[str]) -> str:
    """Notes and commands of every run."""
    notes = [
        f"<li>{_sentence(f'{name}: {note}' if name else note)}</li>"
        for document, name in zip(documents, labels, strict=True)
        for note in document.get("notes", ())
    ]
    commands = "\n".join(_sentence(command(document)) for document in documents)
    listed = _titled("Notes", f'<ul class="notes">{"".join(notes)}</ul>') if notes else ""
    return listed + _titled("The same again", f"<pre>{commands}</pre>")


def _sentence(text: str) -> str:
    """Escaped, and no line ends between a number and its unit or within an option's name."""
    return _OPTION.sub(r'<span class="whole">\g<0></span>', _UNIT.sub("&#160;", escape(text)))


def _wide(chart: str | None, name: str = "") -> str:
    """A chart that a narrow screen scrolls rather than makes unreadable."""
    return f'<div class="wide {name}">{chart}</div>' if chart else ""


def _titled(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _pairs(name: str, parts: Sequence[str]) -> str:
    """Side by side where there is room."""
    return (
        f'<div class="pairs {name}">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'
        if any(parts)
        else ""
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Numbers on the right; empty without rows."""
    lines = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    if not lines:
        return ""
    first = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>" if head else ""
    return f'<div class="wide"><table class="right">{first}{"".join(lines)}</table></div>'
