"""Reading App records, more laxly than settings: numbers may be texts of digits (configuration.md 5)."""

from __future__ import annotations

import functools
import re
from typing import Any, get_type_hints

from ..protocol.app import App
from ..protocol.origins import pattern_fault
from .delta_map import read_delta_map
from .grammar import described, flag, is_text
from .webhooks import read_webhooks, webhook_record

__all__ = ["APP_DOCS", "AppFault", "Notes", "app_members", "app_record", "parse_app"]

_U32 = 2**32 - 1
_DIGITS = re.compile(r"[0-9]{1,30}", re.ASCII)

APP_DOCS = {
    "id": "Names the app in the HTTP API.",
    "key": "Public key: part of the WebSocket address and of signatures.",
    "secret": "Signs; keep it to your servers.",
    "enabled": "Off: connections are refused with 4003.",
    "max_connections": "Connections at once; beyond it 4004. 0: no limit.",
    "enable_client_messages": "Clients may send `client-` events.",
    "max_client_events_per_second": "Client events of one connection. 0: no limit.",
    "max_backend_events_per_second": "Events published through the HTTP API in any second. 0, null: no limit.",
    "max_read_requests_per_second": "Reading calls of the HTTP API in any second. 0, null: no limit.",
    "max_presence_members_per_channel": "Members of a presence channel. 0: no limit.",
    "max_presence_member_size_in_kb": "Largest `user_info` of a member, in KiB. 0: no limit.",
    "max_channel_name_length": "Longest channel name. 0: no limit.",
    "max_event_channels_at_once": "Channels of one published event. 0: no limit.",
    "max_event_name_length": "Longest event name. 0: no limit.",
    "max_event_payload_in_kb": "Largest event data, in KiB. 0: no limit.",
    "max_event_batch_size": "Events of one batch call. 0: no limit.",
    "enable_user_authentication": "Clients may sign in, and must sign in or join an authorised channel in time.",
    "enable_watchlist_events": "Signed-in clients hear of the users they watch.",
    "enable_subscription_count_events": "Clients are told how many subscribe to a channel.",
    "allowed_origins": "Pages that may connect, see “Origin patterns”. Empty: all.",
    "webhooks": "Endpoints that hear what happens.",
    "channel_delta_compression": "Delta compression by channel pattern.",
    "idempotency": "`enabled` and `ttl_seconds` of idempotent publishing for this app; unset ones as in the server's.",
}

_ALIASES = {
    "max_backend_events_per_sec": "max_backend_events_per_second",
    "max_client_events_per_sec": "max_client_events_per_second",
    "max_read_req_per_sec": "max_read_requests_per_second",
}
_NULLABLE_FLAGS = ("enable_user_authentication", "enable_watchlist_events", "enable_subscription_count_events")
_WORDED = ("id", "key", "secret", "allowed_origins", "webhooks", "channel_delta_compression")


class AppFault(ValueError):
    """The record is not an app; the text names every fault and no secret."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class Notes:
    """What else was seen while reading a record that is fine, or that is not."""

    def __init__(self) -> None:
        self.unknown: list[tuple[str, tuple[str, ...]]] = []
        """Paths of unknown members inside the record, each with the names known there."""
        self.warnings: list[str] = []
        self.faults: list[str] = []


def parse_app(raw: Any, notes: Notes | None = None) -> App:
    """The app a JSON object describes, in this version's or 5.0.1's shape. Raises `AppFault`."""
    notes = notes or Notes()
    if not isinstance(raw, dict):
        raise AppFault(["an app must be an object"])
    values: dict[str, Any] = {}
    for name, value in _flat(raw, notes).items():
        if name in _WORDED:
            _READERS[name](name, value, values, notes)
        elif name == "idempotency":
            _idempotency(value, values, notes)
        elif name in _numbers():
            _number(name, value, values, notes, optional=_numbers()[name])
        elif name in _flags():
            _flag(name, value, values, notes)
        else:
            notes.unknown.append((name, app_members()))
    notes.faults += [f"`{name}` is missing" for name in ("id", "key", "secret") if name not in raw]
    if notes.faults:
        raise AppFault(notes.faults)
    return App(**values)


def app_record(app: App) -> dict[str, Any]:
    """The JSON object that `parse_app` reads back as this app: all members, unset ones null."""
    record: dict[str, Any] = {name: getattr(app, name) for name in App.__struct_fields__ if name in APP_DOCS}
    record["allowed_origins"] = list(app.allowed_origins) or None
    record["webhooks"] = [webhook_record(webhook) for webhook in app.webhooks] or None
    record["idempotency"] = {"enabled": app.idempotency_enabled, "ttl_seconds": app.idempotency_ttl_seconds}
    return record


@functools.cache
def app_members() -> tuple[str, ...]:
    """Names an app record may have, in the order of documentation."""
    return tuple(APP_DOCS)


@functools.cache
def _numbers() -> dict[str, bool]:
    """Number members of an app, and whether they may be unset."""
    hints = get_type_hints(App)
    return {
        name: hints[name] == (int | None)
        for name in App.__struct_fields__
        if hints[name] in (int, int | None) and not name.startswith("idempotency_")
    }


@functools.cache
def _flags() -> tuple[str, ...]:
    hints = get_type_hints(App)
    return tuple(name for name in App.__struct_fields__ if hints[name] is bool)


def _flat(raw: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """The members under their own names, those of a 5.0.1 `policy` unfolded."""
    flat = {
        _ALIASES.get(name, name): value
        for name, value in raw.items()
        if name not in _ALIASES or _ALIASES[name] not in raw
    }
    policy = flat.pop("policy", None)
    if policy is None:
        return flat
    if not isinstance(policy, dict):
        notes.faults.append("`policy` must be an object")
        return flat
    flat = {name: value for name, value in flat.items() if name in ("id", "key", "secret", "enabled")}
    known = {"limits": (*_numbers(),), "features": (*_flags(),)}
    known["channels"] = ("allowed_origins", "channel_delta_compression")
    for part, value in policy.items():
        if part == "webhooks":
            flat[part] = value
        elif part in known and isinstance(value, dict):
            for name, member in value.items():
                if name in known[part]:
                    flat[name] = member
                else:
                    notes.unknown.append((f"policy.{part}.{name}", known[part]))
        else:
            notes.unknown.append((f"policy.{part}", (*known, "webhooks")))
    return flat


def _credential(name: str, value: Any, values: dict[str, Any], notes: Notes) -> None:
    if isinstance(value, str) and value and is_text(value):
        values[name] = value
    elif isinstance(value, int) and not isinstance(value, bool):
        notes.faults.append(f"`{name}` must be text: write the number in quotation marks")
    else:
        notes.faults.append(f"`{name}` must be text that is not empty")


def _number(name: str, value: Any, values: dict[str, Any], notes: Notes, *, optional: bool) -> None:
    if optional and value in (None, ""):
        return
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _U32:
        values[name] = value
    else:
        kind = f"a whole number from 0 to {_U32}" + (" or null" if optional else "")
        notes.faults.append(f"`{name}` must be {kind}, not {described(value)}")


def _flag(name: str, value: Any, values: dict[str, Any], notes: Notes) -> None:
    if value is None and name in _NULLABLE_FLAGS:
        return
    meant = flag(value) if isinstance(value, str) else value
    if isinstance(meant, bool):
        values[name] = meant
    else:
        notes.faults.append(f"`{name}` must be true or false")


def _origins(name: str, value: Any, values: dict[str, Any], notes: Notes) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        notes.faults.append(f"`{name}` must be a list of texts")
        return
    notes.faults += [f"`{name}`: {fault}" for fault in map(pattern_fault, value) if fault]
    values[name] = tuple(value)


def _webhooks(name: str, value: Any, values: dict[str, Any], notes: Notes) -> None:
    if value is not None:
        webhooks, faults, warnings, unknown = read_webhooks(value)
        values[name] = webhooks
        notes.faults += faults
        notes.warnings += warnings
        notes.unknown += unknown


def _deltas(name: str, value: Any, values: dict[str, Any], notes: Notes) -> None:
    if value is not None:
        values[name], faults, unknown = read_delta_map(value)
        notes.faults += faults
        notes.unknown += unknown


def _idempotency(value: Any, values: dict[str, Any], notes: Notes) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        notes.faults.append("`idempotency` must be an object")
        return
    for name, member in value.items():
        if name == "enabled" and member is not None:
            _flag("idempotency_enabled", member, values, notes)
        elif name == "ttl_seconds":
            _number("idempotency_ttl_seconds", member, values, notes, optional=True)
        elif name != "enabled":
            notes.unknown.append((f"idempotency.{name}", ("enabled", "ttl_seconds")))


_READERS = {
    "id": _credential,
    "key": _credential,
    "secret": _credential,
    "allowed_origins": _origins,
    "webhooks": _webhooks,
    "channel_delta_compression": _deltas,
}
