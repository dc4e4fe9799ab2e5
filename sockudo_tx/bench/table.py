"""The report as Markdown, for an issue or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .documents import command
from .require import Verdict
from .words import LATENCY_COLUMNS, answer, compared, comparison, figure_rows, latency_rows, subtitle

__all__ = ["table"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def table(documents: Sequence[Mapping[str, Any]], labels: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    """One run, or several side by side."""
    parts = [
        f"**{_plain(document['scenario'])}** {_plain(name if len(documents) > 1 else '')} {_plain(subtitle(document))}"
        for document, name in zip(documents, labels, strict=True)
    ]
    if len(documents) == 1:
        document = documents[0]
        parts.append(_plain(answer(document, verdicts).text))
        if rows := latency_rows(document):
            parts.append(_table(["latency", *LATENCY_COLUMNS], ([kind, *values] for kind, values in rows)))
        if verdicts:
            marks = ([one.name, one.limit, one.actual, "held" if one.holds else "**broken**"] for one in verdicts)
            parts.append(_table(["limit", "wanted", "found", ""], marks))
        parts.append(_table(["figure", "value"], map(list, figure_rows(document))))
    else:
        parts.append(_plain(comparison(documents, labels)))
        figures = ([row.name, *row.values, row.ratio] for row in compared(documents))
        parts.append(_table(["figure", *labels, "ratio" if len(documents) == 2 else ""], figures))
    parts += [f"* {_plain(note)}" for document in documents for note in document.get("notes", ())]
    commands = "\n".join(_one_line(command(document)).replace("```", "") for document in documents)
    return "\n\n".join([*parts, f"```\n{commands}\n```"]) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text if text.startswith(("---", "**")) else _plain(text)


def _plain(text: object) -> str:
    return _SPECIAL.sub(r"\\\1", _one_line(text)).strip()


def _one_line(text: object) -> str:
    return re.sub(r"\s+", " ", str(text))
