"""What a finding says beyond its message: the value that was found, and a cure where nobody gave a better one.

Findings come from many places that know only their part; here everything is at hand. Secrets, and texts under names
that nobody knows and that may hold one, are never quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .declare import Key, walk
from .environment import value_at
from .findings import Finding
from .grammar import is_text
from .masks import MASK, hidden, without_password
from .resolve import APPS
from .schema import Config

__all__ = ["completed", "quoted"]

_LONGEST = 60
_STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
_WHOLE_APP = re.compile(r"(app_manager\.array\.)?apps\[[0-9]+\]")
"""Instead of an app somebody may have written its secret."""
_NOTHING = object()


def completed(
    findings: Iterable[Finding],
    raw: Mapping[str, Any] | None,
    environ: Mapping[str, str],
    config: Config,
    written: Mapping[str, str],
) -> list[Finding]:
    """The same findings, each with the value it is about, where that comes from, and a cure.

    `raw` is what the file holds, `config` what came of everything, `written` the sources of keys that are not built in.
    """
    keys = {key.path: key for key in walk(Config)}
    found = []
    for finding in findings:
        if not finding.source and finding.path in written:
            finding = msgspec.structs.replace(finding, source=written[finding.path])
        found.append(_completed(finding, keys.get(finding.path), raw, environ, config))
    return found


def quoted(value: Any) -> str:
    """A value on one line and in few characters, as JSON writes it; passwords inside addresses are masked."""
    if isinstance(value, str):
        if not is_text(value):
            return "bytes that are not UTF-8"
        value = without_password(value)
        return json.dumps(value if len(value) <= _LONGEST else value[:_LONGEST] + "…", ensure_ascii=True)
    if isinstance(value, list | tuple):
        inside = ", ".join(quoted(item) for item in value[:4]) + (", …" if len(value) > 4 else "")
        return f"[{inside}]"
    if isinstance(value, Mapping):
        return "an object" if value else "{}"
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else "a huge number"


def _completed(
    finding: Finding, key: Key | None, raw: Mapping[str, Any] | None, environ: Mapping[str, str], config: Config
) -> Finding:
    value = finding.value or _found(finding, key, raw, environ, config)
    said = finding.cause.startswith("found ") and value not in ("", MASK)  # the same in words
    cause = "" if said else finding.cause
    return msgspec.structs.replace(finding, value=value, cause=cause, cure=finding.cure or _cure(finding, key))


def _found(
    finding: Finding, key: Key | None, raw: Mapping[str, Any] | None, environ: Mapping[str, str], config: Config
) -> str:
    """What stands where the finding points to; empty when it points nowhere."""
    variable = finding.source.removeprefix("environment ")
    if variable != finding.source and variable in environ:
        return MASK if hidden(variable) or (key and key.secret) else quoted(environ[variable])
    if not finding.path:
        return ""
    value = _at(raw, finding.path)
    if value is _NOTHING and key is not None:
        value = value_at(config, key.path)
    if finding.path == APPS and not isinstance(value, str):
        count = len(config.app_manager.array.apps)
        return f"{count} app{'' if count == 1 else 's'}"
    if value is _NOTHING:
        return "nothing" if "[" in finding.path else ""
    if (key and key.secret) or hidden(finding.path):
        return MASK if value else quoted(value)
    known = key is not None or ("[" in finding.path and not _WHOLE_APP.fullmatch(finding.path))
    return quoted(value) if known or not isinstance(value, str) else "a text"


def _at(raw: Any, path: str) -> Any:
    for name, index in _STEP.findall(path):
        if name and isinstance(raw, Mapping) and name in raw:
            raw = raw[name]
        elif index and isinstance(raw, list) and int(index) < len(raw):
            raw = raw[int(index)]
        else:
            return _NOTHING
    return raw


def _cure(finding: Finding, key: Key | None) -> str:
    variable = finding.source.removeprefix("environment ")
    what = f"Correct {variable} or unset it" if variable != finding.source else "Correct it or leave it out"
    if key is None:
        return what if finding.path or variable != finding.source else ""
    if key.secret or isinstance(key.default, tuple) or key.default == "":
        return what
    return f"{what}; the built-in value is {quoted(key.default)}"
