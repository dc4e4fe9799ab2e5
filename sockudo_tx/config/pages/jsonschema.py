"""JSON Schema of the configuration file, for editors. The server itself is laxer in spelling."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from ...protocol.app import App, WebhookFilter
from ..apps import APP_DOCS
from ..declare import Key, keys_of
from ..resolve import APPS
from ..schema import Config
from ..webhooks import EVENT_TYPES, WEBHOOK_DOCS

__all__ = ["json_schema"]

Schema = dict[str, Any]


def json_schema() -> Schema:
    """The schema of `config/config.json`, draft 2020-12."""
    schema = _object(keys_of(Config))
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    schema["properties"]["apps"] = {"$ref": f"#/properties/{APPS.replace('.', '/properties/')}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sockudo_tx configuration",
        **schema,
        "$defs": {"app": _app(), "webhook": _webhook()},
    }


def _object(keys: Iterable[Key]) -> Schema:
    properties = {key.name: _key(key) for key in keys}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _key(key: Key) -> Schema:
    if key.path == APPS:
        return {"description": key.doc, "type": "array", "items": {"$ref": "#/$defs/app"}}
    if key.section is not None:
        about = inspect.getdoc(key.section) or ""
        schema = {"description": about + _unused(key), **_object(key.inner)}
        return {"anyOf": [schema, {"type": "null"}]} if key.nullable else schema
    alternatives = [_base(base, key) for base in key.bases]
    if key.nullable:
        alternatives.append({"type": "null"})
    schema = {"description": key.doc + (f" ({key.unit})" if key.unit else "") + _unused(key)}
    schema |= alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}
    schema["default"] = msgspec.to_builtins(key.default)
    return schema


def _unused(key: Key) -> str:
    """What the key or object itself says of having no effect; what is inside does not repeat it."""
    return " Accepted, not used by this version." if key.unused == key.path else ""


def _base(base: Any, key: Key) -> Schema:
    if base is bool:
        return {"type": "boolean"}
    if base in (int, float):
        least = max([key.low or 0, *(1 for rule in key.rules if rule.text == "at least 1")])
        schema: Schema = {"type": "integer" if base is int else "number", "minimum": least}
        return schema if key.high is None else {**schema, "maximum": key.high}
    if key.item is not None:
        return {"type": "array", "items": _object(keys_of(key.item))}
    if get_origin(base) is tuple:
        return {"type": "array", "items": {"type": "string"}}
    if base is str:
        return {"type": "string", **({"pattern": key.pattern.replace("\\Z", "$")} if key.pattern else {})}
    aliases = key.words.aliases if key.words else ()
    return {"enum": [*get_args(base), *(alias for alias, _ in aliases)]}


def _app() -> Schema:
    hints = get_type_hints(App)
    properties: Schema = {}
    for name, text in APP_DOCS.items():
        properties[name] = {"description": text, **_app_member(name, hints.get(name))}
    return {"type": "object", "required": ["id", "key", "secret"], "properties": properties}


def _app_member(name: str, hint: Any) -> Schema:
    if name == "webhooks":
        return {"type": ["array", "null"], "items": {"$ref": "#/$defs/webhook"}}
    if name == "allowed_origins":
        return {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}}
    if hint is str:
        return {"type": "string", "minLength": 1}
    if hint is bool:
        return {"type": "boolean"}
    if hint in (int, int | None):
        digits = {"type": "string", "pattern": "^[0-9]*$"}
        return {"anyOf": [{"type": "integer", "minimum": 0}, digits, *([] if hint is int else [{"type": "null"}])]}
    return {"type": ["object", "null"]}


def _webhook() -> Schema:
    kinds: Schema = {
        "lambda": {"type": ["object", "null"], "required": ["function_name", "region"]},
        "event_types": {"type": "array", "items": {"type": "string", "examples": list(EVENT_TYPES)}},
        "filter": {
            "type": ["object", "null"],
            "properties": {name: {"type": ["string", "null"]} for name in WebhookFilter.__struct_fields__},
        },
        "headers": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    }
    properties = {
        name: {"description": text, **kinds.get(name, {"type": ["string", "null"]})}
        for name, text in WEBHOOK_DOCS.items()
    }
    return {"type": "object", "required": ["event_types"], "properties": properties}
