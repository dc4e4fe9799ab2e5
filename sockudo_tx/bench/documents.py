"""The document of a run: reading one back, and what reports take from it. Its form is in docs/bench.md."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from .figures import label, show
from .histogram import Histogram

__all__ = ["DocumentError", "command", "labels", "latencies", "main_kind", "public", "read_document", "target"]

# Histograms and a series a second for a day are far below it.
_LARGEST_FILE = 64 << 20
_SECRET = ("secret", "password", "token", "signature")

_Text = Annotated[str, msgspec.Meta(max_length=100_000)]
_Point = tuple[float, float | None]


class DocumentError(ValueError):
    """A file that is not the document of a run; the text names the file and what is wrong."""


class _Document(msgspec.Struct):
    schema: int
    scenario: _Text
    figures: dict[str, float | None]
    target: _Text = ""
    started: _Text = ""
    seconds: float = 0.0
    options: dict[str, Any] = {}
    machine: dict[str, Any] = {}
    latencies: dict[str, dict[str, Any]] = {}
    series: dict[str, list[_Point]] = {}
    notes: list[_Text] = []
    main: _Text | None = None
    command: _Text | None = None


def read_document(path: Path) -> dict[str, Any]:
    """The document that `--report run.json` or `--json` wrote. Raises DocumentError."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror}") from error
    if len(content) > _LARGEST_FILE:
        raise DocumentError(f"{path}: larger than {_LARGEST_FILE >> 20} MiB, so it is no document of a run")
    try:
        found = msgspec.json.decode(content, type=_Document)
        if found.schema != 1:
            raise DocumentError(f"{path}: schema {found.schema}, and this version reads schema 1")
        document: dict[str, Any] = msgspec.to_builtins(found)
        latencies(document)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"{path}: not the document of a run of sockudo bench: {error}") from error
    return document


def latencies(document: Mapping[str, Any]) -> dict[str, Histogram]:
    """The histograms by kind, the main one first. Raises ValueError when one is damaged."""
    found = {kind: Histogram.from_dict(value) for kind, value in document.get("latencies", {}).items()}
    main = main_kind(document)
    return dict(sorted(found.items(), key=lambda item: item[0] != main))


def main_kind(document: Mapping[str, Any]) -> str | None:
    """The kind of latency the scenario is about: what it says, else deliveries, else its first."""
    kinds = document.get("latencies", {})
    main = document.get("main") or "delivery"
    return main if main in kinds else next(iter(kinds), None)


def target(document: Mapping[str, Any]) -> str:
    """The server's address without credentials."""
    url = str(document.get("target", ""))
    try:
        return urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return ""


def labels(documents: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> list[str]:
    """One short name for each run, all different: those given, else scenario and server."""
    wanted = list(names) or [f"{document['scenario']} {target(document)}".strip() for document in documents]
    return [name if wanted.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(wanted, 1)]


def public(values: Mapping[str, Any]) -> dict[str, str]:
    """Options or a machine as texts by labels, without secrets and without what was not set."""
    return {_spaced(name): _text(name, value) for name, value in values.items() if _shown(name, value)}


def _spaced(name: str) -> str:
    return label(name) if "_" in name else name


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return show(name, value) if isinstance(value, int | float) else str(value)


def _shown(name: str, value: Any) -> bool:
    return value is not None and value != "" and not any(word in name.lower() for word in _SECRET)


def command(document: Mapping[str, Any]) -> str:
    """The command line that repeats the run. A secret is never part of it."""
    if given := document.get("command"):
        return str(given)
    words = ["sockudo", "bench", str(document["scenario"])]
    options: Mapping[str, Any] = document.get("options", {})
    if document.get("target") and "url" not in options:
        words += ["--url", target(document)]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not False and _shown(name, value):
            words += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)
