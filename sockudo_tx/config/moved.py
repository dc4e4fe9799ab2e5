"""Keys that other tools and older files write in another place: read as if they stood in their own."""

from __future__ import annotations

from typing import Any

from .findings import Report

__all__ = ["MOVED", "in_place", "spelled"]

MOVED = (
    ("websocket.max_payload_kb", "websocket_max_payload_kb"),
    ("metrics.prefix", "metrics.prometheus.prefix"),
    ("nats", "adapter.nats"),
    ("database.redis.cluster.useTLS", "database.redis.cluster.use_tls"),
)
"""Where they are found, and where they belong (configuration.md 1.3)."""

Object = dict[str, Any]


def in_place(raw: Object, source: str, report: Report) -> tuple[Object, dict[str, str]]:
    """The file's content with every such key in its own place, and where each was found.

    What stands in its own place already counts; the other spelling is told to have no effect.
    """
    found_at: dict[str, str] = {}
    for found, belongs in MOVED:
        value, rest = _taken(raw, found.split("."))
        if rest is None:
            continue
        if _holds(rest, belongs.split(".")):
            report.ignored(found, f"is not used, because {belongs} is there too", cure=f"Remove {found}", source=source)
            raw = rest
            continue
        placed = _put(rest, belongs.split("."), value)
        if placed is not None:
            raw = placed
            found_at[belongs] = found
    return raw, found_at


def spelled(path: str, found_at: dict[str, str]) -> str:
    """The path as the file has it."""
    for belongs, found in found_at.items():
        if path == belongs or path.startswith(belongs + "."):
            return found + path.removeprefix(belongs)
    return path


def _taken(raw: Any, path: list[str]) -> tuple[Any, Object | None]:
    """What is at the path and the object without it; no object when nothing is there."""
    if not isinstance(raw, dict) or path[0] not in raw:
        return None, None
    if len(path) == 1:
        return raw[path[0]], {name: value for name, value in raw.items() if name != path[0]}
    value, rest = _taken(raw[path[0]], path[1:])
    return value, None if rest is None else {**raw, path[0]: rest}


def _holds(raw: Any, path: list[str]) -> bool:
    for name in path:
        if not isinstance(raw, dict) or name not in raw:
            return False
        raw = raw[name]
    return True


def _put(raw: Any, path: list[str], value: Any) -> Object | None:
    """The object with the value at the path; None when something else is in the way."""
    if not isinstance(raw, dict):
        return None
    inner = value if len(path) == 1 else _put(raw.get(path[0], {}), path[1:], value)
    return None if len(path) > 1 and inner is None else {**raw, path[0]: inner}
