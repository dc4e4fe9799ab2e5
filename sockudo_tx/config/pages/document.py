"""The reference of all settings, `docs/configuration.md`."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Iterable
from typing import Any, get_origin, get_type_hints

import msgspec

from ...protocol.app import App
from ..apps import APP_DOCS
from ..declare import Key, keys_of, walk
from ..default_app import DEFAULT_APP_NUMBERS, DEFAULT_APP_SWITCHES, PREFIX
from ..rules import ONE_OR_MORE
from ..schema import Config
from ..webhooks import WEBHOOK_DOCS
from .prose import APPS, CHECKING, DEFAULT_APP, INTRODUCTION, LOGGING, ORIGINS, REDIS, THEMES, VARIABLES

__all__ = ["markdown"]


def markdown() -> str:
    """The whole page."""
    parts = [INTRODUCTION, CHECKING, VARIABLES + "\n" + _shared_variables()]
    for theme, names in THEMES.items():
        parts.append(f"## {theme}\n\n" + "\n".join(_theme(names)))
    parts += [APPS + "\n" + _app_table(), ORIGINS, _webhook_table()]
    parts += [DEFAULT_APP + "\n" + _default_app_table(), LOGGING]
    return "\n".join(parts)


def _shared_variables() -> str:
    keys: dict[str, list[str]] = {}
    for key in walk(Config):
        for env in key.env:
            keys.setdefault(env.name, []).append(f"`{key.path}`")
    rows = [(f"`{name}`", ", ".join(paths)) for name, paths in keys.items() if len(paths) > 1]
    return _table(("variable", "keys"), rows)


def _theme(names: tuple[str, ...]) -> Iterable[str]:
    top = keys_of(Config)
    if "instance" in names:  # the first
        yield "### Top level\n\n" + _key_table(key for key in top if key.section is None)
    for key in top:
        if key.name in names:
            yield from _object(key, 3)
    if "database" in names:
        yield REDIS


def _object(key: Key, depth: int) -> Iterable[str]:
    """An object with its keys, then the objects inside it."""
    assert key.section is not None
    about = " ".join(filter(None, (inspect.getdoc(key.section), key.doc)))
    if key.unused:
        about += " Read and checked, without effect in this version."
    text = f"{'#' * depth} `{key.path}`\n\n{about}\n"
    values = [each for each in key.inner if each.section is None]
    if key.older:
        return iter((text,))
    return itertools.chain(
        (text + ("\n" + _key_table(values) if values else ""),),
        *(_object(each, depth + 1) for each in key.inner if each.section is not None),
    )


def _key_table(keys: Iterable[Key]) -> str:
    return _table(("key", "type", "built-in", "environment", "meaning"), map(_key_row, keys))


def _key_row(key: Key) -> tuple[str, ...]:
    meaning = [key.doc]
    if key.words:
        aliases: dict[str, list[str]] = {}
        for alias, word in key.words.aliases:
            aliases.setdefault(word, []).append(f"`{alias}`")
        meaning += [f"`{word}` may be written {' or '.join(others)}." for word, others in aliases.items()]
        if key.words.later:
            meaning.append(f"Not in this version: {', '.join(f'`{word}`' for word in key.words.later)}.")
    if key.unused == key.path:
        meaning.append("Without effect in this version.")
    variables = "<br>".join(f"`{env.name}`" + (" (turned round)" if env.inverse else "") for env in key.env)
    return f"`{key.path}`", _kind(key), _built_in(key), variables or "—", " ".join(meaning)


def _kind(key: Key) -> str:
    """What the value is, in few words."""
    if key.path == "app_manager.array.apps":
        return "list of apps"
    kinds = [f"`{word}`" for word in key.choices]
    if bool in key.bases:
        kinds.append("true or false")
    if int in key.bases or float in key.bases:
        kinds.append(_number(key))
    if str in key.bases:
        kinds.append(key.words_for_pattern or "text")
    if any(get_origin(base) is tuple for base in key.bases):
        kinds.append("list of `{host, port}`" if key.item else "list of texts")
    rules = [rule.text for rule in key.rules if rule is not ONE_OR_MORE]
    return ", ".join(kinds) + (", or null" if key.nullable else "") + "".join(f"; {text}" for text in rules)


def _number(key: Key) -> str:
    low = 1 if ONE_OR_MORE in key.rules else key.low
    bounded = key.high is not None and key.high <= 65535
    unit = key.unit or "number"
    return f"{unit}, {low:g} to {key.high:g}" if bounded else f"{unit}, {low:g} or more" if low else unit


def _built_in(key: Key) -> str:
    if key.partial == key.default:
        return _value(key.default)
    return f"{_value(key.default)}; {_value(key.partial)} when its object is there without it"


def _app_table() -> str:
    hints = get_type_hints(App)
    rows = []
    for name, text in APP_DOCS.items():
        required = name in ("id", "key", "secret")
        default = "required" if required else _value(getattr(_EXAMPLE, name, None))
        rows.append((f"`{name}`", _app_kind(name, hints.get(name)), default, text))
    return _table(("member", "type", "when left out", "meaning"), rows)


_EXAMPLE = App(id="id", key="key", secret="secret")  # noqa: S106 - read for its defaults


def _app_kind(name: str, hint: Any) -> str:
    if name in ("allowed_origins", "webhooks"):
        return "a list"
    words = {str: "text", bool: "true or false", int: "a whole number"}
    return words.get(hint, "a whole number or null" if hint == (int | None) else "an object")


def _webhook_table() -> str:
    rows = [(f"`{name}`", text) for name, text in WEBHOOK_DOCS.items()]
    return "### Webhooks\n\n" + _table(("member", "meaning"), rows)


def _default_app_table() -> str:
    rows = [(f"`{PREFIX}{name.upper()}`", f"`{name}`", _value(usual)) for name, usual in DEFAULT_APP_NUMBERS.items()]
    for name, variables in DEFAULT_APP_SWITCHES.items():
        rows.append((", ".join(f"`{each}`" for each in reversed(variables)), f"`{name}`", "false"))
    rows.append((f"`{PREFIX}ALLOWED_ORIGINS`", "`allowed_origins`, between commas", "empty"))
    return _table(("variable", "member", "when unset"), rows)


def _value(value: Any) -> str:
    if value is None:
        return "unset"
    return f"`{json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
