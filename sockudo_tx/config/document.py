"""The reference of all settings, `docs/configuration.md`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, get_type_hints

from ..protocol.app import App
from .apps import APP_DOCS
from .declare import Key, keys_of
from .default_app import DEFAULT_APP_NUMBERS, DEFAULT_APP_SWITCHES, PREFIX
from .later import LATER_APP_MEMBERS
from .schema import Config
from .webhooks import WEBHOOK_DOCS

__all__ = ["markdown"]

_INTRODUCTION = """\
# Configuration

<!-- Made by `python -m sockudo_tx.config.render`. Change the declarations in sockudo_tx/config, not this file. -->

A `config.json` and a set of environment variables written for Sockudo 3.2 run this server unchanged.

## Where a value comes from

1. Built-in values, the ones in the tables below.
2. `config/config.json` in the working directory, when there is one, **or** the file named by `-c`. Only one file is
   used; a key it leaves out has its built-in value.
3. Environment variables, key by key.

With no file and no `SOCKUDO_DEFAULT_APP_*` variable, the server serves the demo app `app-id`, `app-key`,
`app-secret`, and warns that anybody can use it.

A file is JSON in UTF-8. What keeps the server from starting: a file that is not JSON, a value of the wrong type or
out of range, a value that cannot work (`activity_timeout` 0), a driver that is unknown or not in this version. Every
fault is told at once, each with its path. What is told and left out: unknown keys (one warning names all of them and
what may be meant), an app that is wrong (the others run), a `-c` file that does not exist.

`--strict` (or `SOCKUDO_STRICT_CONFIG=true`) refuses to start on all of these. `sockudo check-config` tells all of it
without starting.

To have an editor complete and check the file, write `"$schema": "./config.schema.json"` into it.

## Environment variables

| type | accepted |
| --- | --- |
| true or false | `true`, `1`, `yes`, `on` and `false`, `0`, `no`, `off`, in any letter case |
| number | digits, optionally after `+` |
| one of some words | any letter case, the aliases of the file too |
| list | items between commas; blanks around them and empty items are dropped |
| text | as it is |

An empty variable is as good as none. Anything else a key does not take is ignored with a warning, except an unknown
driver, which refuses to start.

## Keys
"""

_APPS = """\
## Apps

Members of the objects in `app_manager.array.apps`; a top-level `apps` is appended to that list. Numbers may be
written as texts of digits. The shape of Sockudo 5 (limits inside `policy`) is read too. Of two apps with one id, or
with one key, the later counts. A limit an app leaves open comes from `channel_limits`, `event_limits` and `presence`.
"""

_ORIGINS = """\
### Origin patterns

For `allowed_origins` and `cors.origin`; letter case does not matter.

| pattern | lets in |
| --- | --- |
| `*` | everything, also clients without an `Origin` header |
| `https://example.com` | exactly this origin |
| `example.com`, `localhost:3000` | http and https, exactly this host and port |
| `*.example.com` | the host and every host below it, without a port |
| `https://*.example.com`, `http://localhost:*` | what starts like the text before the star and ends like the rest |
"""

_DEFAULT_APP = """\
### The app of the environment

Made when `SOCKUDO_DEFAULT_APP_ID`, `SOCKUDO_DEFAULT_APP_KEY` and `SOCKUDO_DEFAULT_APP_SECRET` are all set, unless
`SOCKUDO_DEFAULT_APP_ENABLED` is false. It comes after the apps of the file. Mind that its limits are not those of a
file's app when a variable says nothing.
"""

_LOGGING = """\
## Logging, by environment only

| variable | effect |
| --- | --- |
| `LOG_OUTPUT_FORMAT` | exactly `json`: one JSON object a line; anything else: lines for people |
| `RUST_LOG` | `level` or `target=level`, between commas; levels `off`, `error`, `warn`, `info`, `debug`, `trace` |
| `SOCKUDO_LOG_DEBUG` | the same for debug mode, when `RUST_LOG` is unset |
| `SOCKUDO_LOG_PROD` | the same outside debug mode |
| `LOG_LEVEL` | one level, when nothing else says any |
"""


def markdown() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, *_sections(), _APPS + "\n" + _app_table(), _ORIGINS, _webhook_table()]
    parts += [_DEFAULT_APP + "\n" + _default_app_table(), _LOGGING]
    return "\n".join(parts)


def _sections() -> Iterable[str]:
    top = keys_of(Config)
    yield "### Top level\n\n" + _key_table(key for key in top if key.section is None)
    for key in top:
        if key.section is not None:
            about = f"{key.doc}\n\n" if key.doc else ""
            yield f"### `{key.name}`\n\n{about}" + _key_table(_below(key))


def _key_table(keys: Iterable[Key]) -> str:
    return _table(("key", "type", "built-in", "environment", "meaning"), map(_key_row, keys))


def _below(key: Key) -> Iterable[Key]:
    """The keys of an object and of the objects inside it."""
    for each in key.inner:
        yield from (each,) if each.section is None else _below(each)


def _key_row(key: Key) -> tuple[str, ...]:
    kind = "a list of apps" if key.path == "app_manager.array.apps" else key.expected
    rules = "".join(f"; {rule.text}" for rule in key.rules)
    unit = f", {key.unit}" if key.unit else ""
    later = f" Not in this version: {', '.join(key.words.later)}." if key.words and key.words.later else ""
    aliases = "".join(f" `{alias}` means {word}." for alias, word in key.words.aliases) if key.words else ""
    variables = ", ".join(f"`{env.name}`" for env in key.env)
    unused = " Not used by this version." if key.unused else ""
    meaning = key.doc + later + aliases + unused
    return f"`{key.path}`", kind + unit + rules, _value(key.default), variables or "—", meaning


def _app_table() -> str:
    hints = get_type_hints(App)
    rows = []
    for name, text in APP_DOCS.items():
        required = name in ("id", "key", "secret")
        default = "required" if required else _value(getattr(_EXAMPLE, name, None))
        later = " Not in this version." if name in LATER_APP_MEMBERS else ""
        rows.append((f"`{name}`", _app_kind(name, hints.get(name)), default, text + later))
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
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
