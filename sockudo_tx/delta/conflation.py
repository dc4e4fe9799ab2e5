"""Which stream of its channel a message belongs to: a value inside it (delta-and-filters.md 8.1 to 8.3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..protocol.wirejson import JsonError, dumps, loads
from .settings import Path

__all__ = ["LONGEST_KEY", "conflation_key"]

LONGEST_KEY = 200
"""UTF-8 bytes; a longer key goes by its hash."""

_MISSING = object()


def conflation_key(path: Path, event: str, channel: str, data: str, tags: Mapping[str, str] | None) -> str:
    """The key of a published event, as it stands on the wire and in our tables; empty when there is none.

    Looked for in the envelope and then in `data`, which is read if it holds an object.
    """
    inner: Any = data
    if data.lstrip(" \t\r\n")[:1] == "{":
        try:
            inner = loads(data)
        except JsonError:
            inner = data
    envelope: dict[str, Any] = {"event": event, "channel": channel, "data": inner}
    if tags:
        envelope["tags"] = tags
    found = _walk(path, envelope)
    if found is _MISSING:
        found = _walk(path, inner)
    return "" if found is _MISSING else _wire(_text(found))


def _walk(path: Path, value: Any) -> Any:
    """What is at the end of the path; missing where that is null, too."""
    for name in path:
        value = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
        if value is _MISSING:
            return _MISSING
    return _MISSING if value is None else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return dumps(value)
    except OverflowError:  # an integer beyond 64 bits
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _wire(key: str) -> str:
    """Clients cut the key out of a message by a pattern that a quotation mark would end."""
    key = key.replace('"', "'")
    if len(key) * 4 > LONGEST_KEY:
        encoded = key.encode()
        if len(encoded) > LONGEST_KEY:
            return "~" + hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
    return key
