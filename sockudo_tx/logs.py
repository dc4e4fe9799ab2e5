"""What the operator reads: one line an event, for people or as JSON, filtered by level and target.

    2026-03-20T21:02:44.123456Z  INFO sockudo.service: listening host=0.0.0.0 port=6001
    {"timestamp":"2026-03-20T21:02:44.123456Z","level":"INFO","target":"sockudo.service","fields":{...}}

The target is the module that logged, with `sockudo` for our package. Secrets, signatures, query strings and
bodies are never given to the logger; names that could hold one are masked here all the same. What strangers send
(names, reasons, origins) is written so that it neither ends a line nor commands a terminal.
Source: http-api.md 13, configuration.md 1.7.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import IO, NamedTuple

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
    formatEvent,
)
from zope.interface import implementer, provider

from .protocol.wirejson import dumps

__all__ = [
    "Log",
    "LogSettings",
    "TargetFilter",
    "Wanted",
    "directives",
    "human_line",
    "json_line",
    "observer_to",
    "wanted",
]

_PACKAGE = "sockudo_tx"
_OFF = 100
_RANKS = {"trace": 0, "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "off": _OFF}
_LEVEL_RANKS = {
    LogLevel.debug: 10,
    LogLevel.info: 20,
    LogLevel.warn: 30,
    LogLevel.error: 40,
    LogLevel.critical: 50,
}
_COLORS = {"DEBUG": "34", "INFO": "32", "WARN": "33", "ERROR": "31", "CRITICAL": "31;1"}
# Libraries log a lot at info (each factory that starts); theirs is shown from this rank on unless asked for.
_FOREIGN_RANK = _RANKS["warn"]
# Names that upstream's filters use for their HTTP log, and ours for the same lines.
_ALIASES = {"tower_http": "sockudo.http"}

# Upstream's own parts, whose borders are not ours (configuration.md 1.7).
_PARTS = ("sockudo_", "sockudo::")

_SENSITIVE = re.compile(r"secret|password|passphrase|signature|token|^auth|^query$|^body$", re.IGNORECASE)
_CLASS = re.compile(r"\._?[A-Z].*")
_PLACEHOLDER = re.compile(r"\{(\w+)")
# Members that Twisted puts into an event beside those that start with `log_`.
_INTERNAL = frozenset({"isError", "failure", "format", "message", "system", "time", "why"})


class LogSettings(NamedTuple):
    """How to write the log; the filter is in the words of `RUST_LOG`."""

    json: bool = False
    colors: bool = True
    include_target: bool = True
    filter: str = "info"
    source: bool = False
    """Whether to name the file and line that logged."""
    worker: int = 0
    """Which of several processes this is, from 1 on; told with each line. 0: none of them."""


def directives(environ: Mapping[str, str], debug: bool) -> str:
    """The filter in force: `RUST_LOG`, else the one for this mode, else `LOG_LEVEL`, else what the mode implies."""
    by_mode = environ.get("SOCKUDO_LOG_DEBUG" if debug else "SOCKUDO_LOG_PROD")
    return (
        environ.get("RUST_LOG")
        or by_mode
        or environ.get("LOG_LEVEL")
        or ("info,sockudo=debug,tower_http=debug" if debug else "info")
    )


class Wanted(NamedTuple):
    """Lines that cost too much to be made for nothing, and whether anybody reads them."""

    requests: bool = False
    """`sockudo.http`: each HTTP request."""
    frames: bool = False
    """`sockudo.frames`: each message of a WebSocket."""
    refusals: bool = False
    """`sockudo.refusals`: what is wrong with a signature."""
    connections: bool = False
    """`sockudo.connections`: each connection that ended."""


def wanted(text: str) -> Wanted:
    """What this filter lets through."""
    ranks = TargetFilter(text)

    def shown(target: str, level: str) -> bool:
        return ranks.rank_of(target) <= _RANKS[level]

    return Wanted(
        requests=shown("sockudo.http", "debug"),
        frames=shown("sockudo.frames", "debug"),
        refusals=shown("sockudo.refusals", "debug"),
        connections=shown("sockudo.connections", "info"),
    )


@implementer(ILogFilterPredicate)
class TargetFilter:
    """Which events pass: a comma list of `level` and `target=level`; the longest matching target wins."""

    def __init__(self, text: str) -> None:
        self._default = _RANKS["info"]
        ranks: dict[str, int] = {}
        parts: list[int] = []
        for directive in text.lower().split(","):
            target, separator, word = directive.strip().rpartition("=")
            rank = _RANKS.get(word.strip())
            if rank is None:
                continue
            if not separator:
                self._default = rank
            elif (name := target.strip()).startswith(_PARTS) and not name.startswith(_PACKAGE):
                parts.append(rank)
            else:
                ranks[_ALIASES.get(name, name.replace(_PACKAGE, "sockudo", 1))] = rank
        if parts:  # whichever of ours that is: what one of them asks to see is shown of all
            ranks["sockudo"] = min(ranks.get("sockudo", self._default), *parts)
        self._ranks = sorted(ranks.items(), key=lambda row: len(row[0]), reverse=True)

    def rank_of(self, target: str) -> int:
        """The lowest rank that this target's events need."""
        for name, rank in self._ranks:
            if target == name or target.startswith((f"{name}.", f"{name}_")):
                return rank
        ours = target == "sockudo" or target.startswith("sockudo.")
        return self._default if ours else max(self._default, _FOREIGN_RANK)

    def __call__(self, event: LogEvent) -> object:
        rank = _LEVEL_RANKS.get(event.get("log_level"), 20)
        return PredicateResult.maybe if rank >= self.rank_of(_target(event)) else PredicateResult.no


@implementer(ILogObserver)
class Log:
    """A log whose settings may change while it is written."""

    def __init__(self, out: IO[str], settings: LogSettings) -> None:
        self._out = out
        self.adjust(settings)

    def adjust(self, settings: LogSettings) -> None:
        """These settings from the next event on."""
        self._observe = observer_to(self._out, settings)

    def __call__(self, event: LogEvent) -> None:
        self._observe(event)


def observer_to(out: IO[str], settings: LogSettings) -> ILogObserver:
    """An observer that writes to `out` as the settings say."""
    isatty = getattr(out, "isatty", None)  # a rotating log file has none
    colors = settings.colors and isatty is not None and isatty()

    @provider(ILogObserver)
    def line(event: LogEvent) -> str:
        if settings.source:
            event = {**event, **_source()}
        if settings.worker:
            event = {**event, "worker": settings.worker}
        if settings.json:
            return json_line(event, settings.include_target)
        return human_line(event, settings.include_target, colors)

    observer = FilteringLogObserver(FileLogObserver(out, line), [TargetFilter(settings.filter)])
    return ILogObserver(observer)


def human_line(event: LogEvent, include_target: bool = True, colors: bool = False) -> str:
    """Time, level, target, message and the fields the message does not already show; then any traceback."""
    level = _level(event)
    shown = f"{level:>5}"
    if colors:
        shown = f"\x1b[{_COLORS.get(level, '0')}m{shown}\x1b[0m"
    head = f"{_timestamp(event)} {shown} "
    if include_target:
        head += f"{_target(event)}: "
    in_message = set(_PLACEHOLDER.findall(event.get("log_format") or ""))
    pairs = [f" {name}={_word(value)}" for name, value in _fields(event).items() if name not in in_message]
    below = "".join(f"{_printable(line)}\n" for line in _traceback(event).split("\n") if line)
    return f"{head}{_message(event)}{''.join(pairs)}\n{below}"


def json_line(event: LogEvent, include_target: bool = True) -> str:
    """The same as one JSON object; every field is there, the message too."""
    line: dict[str, object] = {"timestamp": _timestamp(event), "level": _level(event)}
    if include_target:
        line["target"] = _target(event)
    fields: dict[str, object] = {"message": _message(event)}
    for name, value in _fields(event).items():
        fields[name] = value if isinstance(value, str | int | float | bool) or value is None else str(value)
    if traceback := _traceback(event):
        fields["traceback"] = traceback
    line["fields"] = fields
    return f"{_printable_json(line)}\n"


def _source() -> dict[str, object]:
    """Where the event being observed was logged; nothing for those kept until logging began."""
    frame = sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith((__name__, "twisted.logger")):
        if frame.f_code.co_name == "beginLoggingTo":
            return {}
        frame = frame.f_back
    return {"filename": frame.f_code.co_filename, "line_number": frame.f_lineno}


def _fields(event: LogEvent) -> dict[str, object]:
    names: Iterable[str] = (name for name in event if not name.startswith("log_") and name not in _INTERNAL)
    return {name: "***" if _SENSITIVE.search(name) else event[name] for name in names}


def _message(event: LogEvent) -> str:
    text = formatEvent(event)
    failure = event.get("log_failure")
    if failure is not None:
        reason = f"{failure.type.__name__}: {failure.getErrorMessage()}"
        text = f"{text}: {reason}" if text else reason
    return _printable(text)


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return str(failure.getTraceback()) if failure is not None else ""


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return level.name.upper() if level is not None else "INFO"


def _target(event: LogEvent) -> str:
    namespace = str(event.get("log_namespace") or "-")
    if namespace == _PACKAGE or namespace.startswith(_PACKAGE + "."):
        return _CLASS.sub("", "sockudo" + namespace[len(_PACKAGE) :])
    return namespace


def _timestamp(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event["log_time"], UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _word(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)


def _printable(text: str) -> str:
    """One line without anything that a terminal obeys: control characters, directions of writing, other line ends."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _printable_json(line: dict[str, object]) -> str:
    """The line in the characters it has, or in ASCII if one of them is not for printing."""
    try:
        text = dumps(line)
    except UnicodeEncodeError:  # half a character, of the name of a file
        text = ""
    return text if text and text.isprintable() else json.dumps(line, separators=(",", ":"))
