"""The example file: every key with its built-in value, and the demo app."""

from __future__ import annotations

from typing import Any

import msgspec

from ..apps import app_record
from ..declare import walk
from ..default_app import DEMO_APP
from ..environment import value_at
from ..nested import nested
from ..resolve import APPS
from ..schema import Config

__all__ = ["example"]

_SHOWN = ("id", "key", "secret", "enabled", "max_connections", "enable_client_messages", "max_client_events_per_second")


def example() -> dict[str, Any]:
    """What `config/config.json` holds.

    Keys without a built-in value are left out, they mean something when set; and so are older places of keys.
    """
    values: dict[str, Any] = {}
    usual = Config()
    for key in walk(Config):
        if key.older or value_at(usual, key.path) is None:
            continue
        values[key.path] = msgspec.to_builtins(key.default)
        if key.path == APPS:
            record = app_record(DEMO_APP)
            values[key.path] = [{member: record[member] for member in _SHOWN}]
    return {"$schema": "./config.schema.json", **nested(values)}
