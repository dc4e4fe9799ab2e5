"""How one configuration differs from the one before, and which differences a running server can follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..protocol.app import App
from .declare import walk
from .effective import effective
from .environment import replaced, value_at
from .masks import MASK
from .resolve import APPS
from .schema import Config

__all__ = ["RELOADED", "Change", "changes", "followed", "reloads"]

RELOADED = (
    "activity_timeout",
    "app_manager.array.apps",
    "channel_limits.",
    "cors.",
    "debug",
    "delta_compression.",
    "event_limits.",
    "health_check_timeout_ms",
    "http_api.request_limit_in_mb",
    "idempotency.",
    "listener.header_timeout_ms",
    "listener.idle_timeout_ms",
    "listener.max_connections_per_address",
    "listener.max_header_bytes",
    "listener.max_pending",
    "logging.",
    "mode",
    "presence.max_",
    "rate_limiter.api_rate_limit.",
    "rate_limiter.enabled",
    "rate_limiter.websocket_rate_limit.",
    "shutdown.",
    "shutdown_grace_period",
    "ssl.ca_path",
    "ssl.cert_path",
    "ssl.key_path",
    "ssl.passphrase",
    "tag_filtering.enable_tags",
    "user_authentication_timeout",
    "webhooks.allow_internal_addresses",
    "webhooks.batching.",
    "webhooks.request_timeout_ms",
    "webhooks.retry.",
    "websocket.",
    "websocket_max_payload_kb",
)
"""Keys, and beginnings of keys, that a running server follows. All others are read when it starts."""

_LONGEST = 200
"""Characters of a value that are shown; a list of origins may be long."""


class Change(NamedTuple):
    """One key or one app that is different now, in words without secrets."""

    path: str
    """The key, or `app ID`."""
    before: str
    after: str
    restart: bool = False
    """It takes effect at the next start only."""


def reloads(path: str) -> bool:
    """Whether a running server follows a change of this key."""
    return any(path == known or (known[-1] in "._" and path.startswith(known)) for known in RELOADED)


def changes(old: Config, new: Config) -> list[Change]:
    """Every difference: keys in the order of the documentation, then apps by id."""
    shown_old, shown_new = effective(old), effective(new)
    found = [
        Change(key.path, _at(shown_old, key.path), _at(shown_new, key.path), not reloads(key.path))
        for key in walk(Config)
        if key.path != APPS and not key.unused and value_at(old, key.path) != value_at(new, key.path)
    ]
    return [*found, *_apps(old, new, _records(shown_old), _records(shown_new))]


def followed(old: Config, new: Config) -> Config:
    """What a server that runs with `old` runs with from now on: `new`, but for what takes a restart."""
    for key in walk(Config):
        before = value_at(old, key.path)
        if not reloads(key.path) and value_at(new, key.path) != before:
            new = replaced(new, key.path, before)
    return new


def _apps(old: Config, new: Config, shown_old: dict[str, Any], shown_new: dict[str, Any]) -> Iterator[Change]:
    before: dict[str, App] = {app.id: app for app in old.app_manager.array.apps}
    after: dict[str, App] = {app.id: app for app in new.app_manager.array.apps}
    for app_id in sorted(before.keys() | after.keys()):
        path = f"app {app_id}"
        if app_id not in after:
            yield Change(path, "there", "removed")
        elif app_id not in before:
            yield Change(path, "not there", "added")
        elif before[app_id] != after[app_id]:
            one, other = shown_old[app_id], shown_new[app_id]
            names = [name for name in one if one[name] != other[name]]
            if before[app_id].secret != after[app_id].secret:
                names.append("secret")
            yield Change(path, _members(names, one), _members(names, other))


def _members(names: list[str], record: dict[str, Any]) -> str:
    """The members that differ; what differs in masked parts only is said to."""
    return ", ".join(f"{name} {_text(record[name])}" for name in names) or MASK


def _records(shown: dict[str, Any]) -> dict[str, Any]:
    return {record["id"]: record for record in shown["app_manager"]["array"]["apps"]}


def _at(tree: Any, path: str) -> str:
    for name in path.split("."):
        tree = (tree or {}).get(name)
    return _text(tree)


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
