"""What is set for delta compression: for the server, and for a channel by its app (delta-and-filters.md 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..protocol.patterns import best_pattern

__all__ = ["RING_AT_MOST", "DeltaSettings", "Path", "RuleBook", "Rules", "algorithm_named", "rules_for"]

RING_AT_MOST = 30
"""Messages of one key that clients remember."""
_RING = 10
_BOOK = 1024
"""Channels whose rules are remembered, for one app."""
_NEVER = ("private-encrypted-", "#")
"""Beginnings of channels whose events are never written as differences."""

Path = tuple[str, ...]
"""Members to follow, one in another."""

_ALGORITHMS = {"fossil": "fossil", "xdelta3": "xdelta3", "vcdiff": "xdelta3"}


def algorithm_named(word: object) -> str | None:
    """`fossil` or `xdelta3`, by any of its names in any case; None for everything else."""
    return _ALGORITHMS.get(word.lower()) if isinstance(word, str) else None


class DeltaSettings(NamedTuple):
    """The sections `delta_compression` and `tag_filtering`."""

    enabled: bool = True
    algorithm: str = "fossil"
    full_message_interval: int = 10
    """Deltas between two full messages; 0 makes all of them full."""
    min_message_size: int = 100
    max_state_age: float = 300.0
    """Seconds."""
    max_streams: int = 100
    """Conflation keys of one channel; 0 for no limit."""
    conflation_key_path: str | None = None
    omit_algorithm: bool = False
    """Not named where it is the one the client was told of."""
    cache_sync: str = "reset"
    """`reset`, `states` or `off`."""
    filtering: bool = False
    """Filters are in force."""
    enable_tags: bool | None = None
    """Tags are sent to clients; None as `filtering` says."""
    count_by_channel: bool = False
    """Metrics tell channels apart."""


class Rules(NamedTuple):
    """What holds for one channel."""

    possible: bool
    """Whether anybody may follow it by deltas."""
    algorithm: str
    path: Path | None
    """Where the conflation key is; None where there is but one stream."""
    ring: int
    """Messages of a stream that are kept as bases, 1 to 30."""
    max_streams: int
    interval: int
    min_size: int
    max_age: float
    tags: bool
    """Tags are part of the frame."""


def rules_for(channel: str, entries: Mapping[str, Any] | None, settings: DeltaSettings) -> Rules:
    """The rules of a channel whose app has these entries in `channel_delta_compression`.

    What an entry says wrongly, which only a database can hold, counts as not said.
    """
    found = best_pattern(channel, entries) if entries else None
    entry = entries[found] if entries and found is not None else None
    possible = settings.enabled and not channel.startswith(_NEVER)
    members: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    if entry == "disabled" or members.get("enabled") is False:
        possible = False
    word = members.get("algorithm") if members else entry
    path = members.get("conflation_key")
    tags = members.get("enable_tags")
    if not isinstance(tags, bool):
        tags = settings.filtering if settings.enable_tags is None else settings.enable_tags
    return Rules(
        possible=possible,
        algorithm=algorithm_named(word) or settings.algorithm,
        path=_path(path if isinstance(path, str) and "conflation_key" in members else settings.conflation_key_path),
        ring=min(max(_number(members, "max_messages_per_key", _RING), 1), RING_AT_MOST),
        max_streams=_number(members, "max_conflation_keys", settings.max_streams),
        interval=_number(members, "full_message_interval", settings.full_message_interval),
        min_size=_number(members, "min_message_size", settings.min_message_size),
        max_age=max(_number(members, "max_state_age_secs", settings.max_state_age), 1),
        tags=tags,
    )


def _path(text: str | None) -> Path | None:
    return tuple(text.split(".")) if text else None


def _number(members: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    value = members.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


class RuleBook:
    """The rules of one app's channels, worked out once for each as long as its entries stay the same."""

    __slots__ = ("_entries", "_known", "_settings")

    def __init__(self) -> None:
        self._settings: DeltaSettings | None = None
        self._entries: Mapping[str, Any] | None = None
        self._known: dict[str, Rules] = {}

    def of(self, channel: str, entries: Mapping[str, Any] | None, settings: DeltaSettings) -> Rules:
        """The same object as before, unless `entries` or `settings` are others by now."""
        if settings is not self._settings or entries is not self._entries:
            if settings != self._settings or entries != self._entries:
                self._known = {}
            self._settings, self._entries = settings, entries
        rules = self._known.get(channel)
        if rules is None:
            if len(self._known) >= _BOOK:
                self._known.clear()
            rules = self._known[channel] = rules_for(channel, entries, settings)
        return rules
