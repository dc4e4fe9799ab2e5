"""Findings and settings as people read them on a terminal. Pure text: width and colour are given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from .findings import Finding, Severity, capitalised

__all__ = ["Style", "counts", "findings_text", "settings_text", "verdict"]

_HEADINGS: dict[Severity, str] = {"error": "Errors", "warning": "Warnings", "info": "Good to know"}
_NAMES: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_COLOURS: dict[Severity, str] = {"error": "31", "warning": "33", "info": "36"}
_INDENT = 10


class Style:
    """How wide the text may be, and whether it may have colours."""

    def __init__(self, width: int = 80, colour: bool = False) -> None:
        self.width = max(40, min(width, 110))
        self._colour = colour

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity."""
    found: dict[Severity, int] = {"error": 0, "warning": 0, "info": 0}
    for finding in findings:
        found[finding.severity] += 1
    return found


def findings_text(findings: Iterable[Finding], style: Style) -> str:
    """All findings, the worst first, each with what it says on lines of its own."""
    found = list(findings)
    lines: list[str] = []
    for severity, heading in _HEADINGS.items():
        these = [finding for finding in found if finding.severity == severity]
        if these:
            lines += [style.paint(f"{heading} ({len(these)})", f"1;{_COLOURS[severity]}"), ""]
            for finding in these:
                lines += [*_finding(finding, style), ""]
    return "\n".join(lines)


def verdict(findings: Sequence[Finding], refused: bool, file: str | None) -> str:
    """One line: whether the server would start, from what, and how much there is to tell."""
    parts = [f"{count} {_NAMES[severity]}{'' if count == 1 else 's'}" for severity, count in counts(findings).items()]
    said = ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing to tell"
    if refused:
        return f"the configuration is refused: {said}. The server does not start, and nothing of it is applied"
    if counts(findings)["error"]:
        return f"the configuration can be used, with something missing ({file or 'no file, built-in values'}): {said}"
    return f"the configuration is valid ({file or 'no file, built-in values'}): {said}"


def settings_text(tree: Mapping[str, Any], sources: Mapping[str, str], style: Style) -> str:
    """Settings one a line, each with where its value comes from; those of `sources`, in its order."""
    rows = [(path, _value(tree, path), source) for path, source in sources.items()]
    right = max((len(source) for source in sources.values()), default=0) + 4
    fitting = [width for path, value, _ in rows if (width := len(path) + len(value) + 3) <= style.width - right]
    left = max(fitting, default=0)
    lines = []
    for path, value, source in rows:
        setting = f"{path} = {value}"
        if len(setting) <= left:
            lines.append(f"  {setting:{left}}  {style.paint(source, '2')}")
        else:
            lines += _wrapped(setting, "  ", "      ", style)
            lines.append("      " + style.paint(f"from {source}", "2"))
    return "\n".join(lines)


def _value(tree: Mapping[str, Any], path: str) -> str:
    value: Any = tree
    for name in path.split("."):
        value = None if value is None else value[name]
    if path == "app_manager.array.apps":
        return ", ".join(app["id"] for app in value) or "none"
    return json.dumps(value, ensure_ascii=True)


def _finding(finding: Finding, style: Style) -> Iterator[str]:
    head = finding.path or finding.source or "configuration"
    source = f"  ({finding.source})" if finding.path and finding.source else ""
    yield f"  {style.paint(head, '1')}{style.paint(source, '2')}"
    yield from _wrapped(finding.message, "    ", "    ", style)
    for name in ("found", "rule", "cause", "cure"):
        text = finding.value if name == "found" else getattr(finding, name)
        if text:
            text = capitalised(text) if name != "found" else text
            yield from _wrapped(text, f"    {name + ':':<{_INDENT - 4}} ", " " * (_INDENT + 1), style)


def _wrapped(text: str, first: str, rest: str, style: Style) -> list[str]:
    return wrap(
        text,
        style.width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
