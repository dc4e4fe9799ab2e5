"""The example file: every key with its built-in value, and the demo app."""

from __future__ import annotations

from typing import Any

import msgspec

from .apps import app_record
from .declare import walk
from .default_app import DEMO_APP
from .environment import value_at
from .resolve import APPS
from .schema import Config

__all__ = ["example"]

_SHOWN = ("id", "key", "secret", "enabled", "max_connections", "enable_client_messages", "max_client_events_per_second")


def example() -> dict[str, Any]:
    """What `config/config.json` holds. Keys without a built-in value are left out: they mean something when set."""
    tree: dict[str, Any] = {"$schema": "./config.schema.json"}
    usual = Config()
    for key in walk(Config):
        if value_at(usual, key.path) is None:
            continue
        *where, name = key.path.split(".")
        inner = tree
        for step in where:
            inner = inner.setdefault(step, {})
        inner[name] = msgspec.to_builtins(key.default)
        if key.path == APPS:
            record = app_record(DEMO_APP)
            inner[name] = [{member: record[member] for member in _SHOWN}]
    return tree
