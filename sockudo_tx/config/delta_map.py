"""Reading an app's `channel_delta_compression`: from channel pattern to a word or an object.

Words are kept in lower case, objects with the members they were written with; what is left out has the default of
delta-and-filters.md 9.2 there, where it is used.
"""

from __future__ import annotations

from typing import Any

from .grammar import described, shown

__all__ = ["DELTA_MEMBERS", "read_delta_map"]

_ALGORITHMS = {"fossil": "fossil", "xdelta3": "xdelta3", "vcdiff": "xdelta3"}
_FLAGS = ("enabled", "enable_tags")
_NUMBERS = (
    "max_messages_per_key",
    "max_conflation_keys",
    "full_message_interval",
    "min_message_size",
    "max_state_age_secs",
)
DELTA_MEMBERS = ("enabled", "algorithm", "conflation_key", *_NUMBERS, "enable_tags")


def read_delta_map(value: Any) -> tuple[dict[str, Any], list[str], list[tuple[str, tuple[str, ...]]]]:
    """The entries, the faults that refuse the app, and unknown members with the names known there."""
    if not isinstance(value, dict):
        return {}, ["`channel_delta_compression` must be an object"], []
    entries: dict[str, Any] = {}
    faults: list[str] = []
    unknown: list[tuple[str, tuple[str, ...]]] = []
    for pattern, entry in value.items():
        where = f"`channel_delta_compression` of {shown(pattern)}"
        if isinstance(entry, dict):
            entries[pattern] = {name: _member(name, each, where, faults) for name, each in entry.items()}
            path = f"channel_delta_compression.{shown(pattern)}"
            unknown += [(f"{path}.{name}", DELTA_MEMBERS) for name in entry if name not in DELTA_MEMBERS]
        elif isinstance(entry, str) and entry.lower() in ("inherit", "disabled"):
            entries[pattern] = entry.lower()
        elif isinstance(entry, str) and entry.lower() in _ALGORITHMS:
            entries[pattern] = _ALGORITHMS[entry.lower()]
        else:
            words = "inherit, disabled, fossil, xdelta3 or an object"
            faults.append(f"{where} must be {words}, not {described(entry)}")
    return entries, faults, unknown


def _member(name: str, value: Any, where: str, faults: list[str]) -> Any:
    if name == "algorithm":
        if isinstance(value, str) and value.lower() in _ALGORITHMS:
            return _ALGORITHMS[value.lower()]
        faults.append(f"{where}: `algorithm` must be fossil or xdelta3, not {described(value)}")
    elif name in _FLAGS and not isinstance(value, bool) and not (name == "enable_tags" and value is None):
        faults.append(f"{where}: `{name}` must be true or false, not {described(value)}")
    elif name in _NUMBERS and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        faults.append(f"{where}: `{name}` must be a whole number from 0 up, not {described(value)}")
    elif name == "conflation_key" and not isinstance(value, str | None):
        faults.append(f"{where}: `{name}` must be text or null, not {described(value)}")
    return value
