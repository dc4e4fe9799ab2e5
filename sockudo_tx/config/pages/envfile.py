"""The example of an environment, `config/example.env`: every variable that has an effect, commented out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from ..declare import Key, walk
from ..default_app import DEFAULT_APP_NUMBERS, DEFAULT_APP_SWITCHES, PREFIX
from ..schema import Config
from .prose import LOG_VARIABLES, THEMES

__all__ = ["env_file"]

_HEAD = """\
Environment variables of sockudo_tx, with their built-in values. A variable beats the configuration file; an empty one
is as good as none, except where it says otherwise. Take out the # in front of what you change.

Made by `python -m sockudo_tx.config.render`. Every key, also those without a variable, is in docs/configuration.md.
"""
_APP = """\
Made when id, key and secret are all set, beside the apps of the configuration file.
"""


def env_file() -> str:
    """The whole file. Variables that have no effect in this version are left out."""
    keys = _by_variable()
    parts = [_comment(_HEAD), _rule("An app"), _comment(_APP), *_app()]
    for title, names in (("Top level", ("",)), *THEMES.items()):
        lines = [line for name, mine in keys.items() if _section(mine[0]) in names for line in _variable(name, mine)]
        if lines:
            parts += [_rule(title), *lines]
    parts += [_rule("Logging"), *(f"{_comment(text)}#{name}={value}\n" for name, value, text in LOG_VARIABLES)]
    return "\n".join(parts)


def _by_variable() -> dict[str, list[Key]]:
    """The keys of each variable that has an effect on at least one."""
    keys: dict[str, list[Key]] = {}
    for key in walk(Config):
        for env in key.env:
            keys.setdefault(env.name, []).append(key)
    return {
        name: sorted(mine, key=lambda key: bool(key.unused))
        for name, mine in keys.items()
        if not all(key.unused for key in mine)
    }


def _section(key: Key) -> str:
    return key.path.partition(".")[0] if "." in key.path else ""


def _variable(name: str, keys: list[Key]) -> Iterator[str]:
    first = keys[0]
    sets = ", ".join(key.path for key in keys)
    kind = f" One of {', '.join(first.usable)}." if len(first.usable) > 1 else ""
    unit = f" In {first.unit}." if first.unit else ""
    same = all(key.default == first.default for key in keys)
    yield f"{_comment(f'{first.doc}{kind}{unit} ({sets})')}#{name}={_text(first.default) if same else ''}\n"


def _app() -> Iterable[str]:
    yield f"#{PREFIX}ID=\n#{PREFIX}KEY=\n#{PREFIX}SECRET=\n#{PREFIX}ENABLED=true\n"
    numbers = (f"#{PREFIX}{name.upper()}={_text(usual)}" for name, usual in DEFAULT_APP_NUMBERS.items())
    yield "\n".join(numbers) + "\n"
    yield "".join(f"#{variables[-1]}=false\n" for variables in DEFAULT_APP_SWITCHES.values())
    yield f"{_comment('Origin patterns between commas. Empty: every page.')}#{PREFIX}ALLOWED_ORIGINS=\n"


def _text(value: Any) -> str:
    """A value as a variable writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _comment(text: str) -> str:
    lines = (line for part in text.strip().split("\n\n") for line in (*textwrap.wrap(part, 110), ""))
    return "".join(f"# {line}".rstrip() + "\n" for line in list(lines)[:-1])


def _rule(title: str) -> str:
    return f"# {title} {'-' * (108 - len(title))}\n"
