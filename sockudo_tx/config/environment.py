"""Environment variables over the tree of the file (configuration.md 1.4, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from .declare import Env, Key, Section, keys_of, walk
from .findings import Report
from .grammar import Unacceptable, UnknownWord, flag, from_env
from .resolve import refuse_word

__all__ = ["UNSET", "overlay", "replaced", "switch", "value_at"]

S = TypeVar("S", bound=Section)
UNSET = msgspec.UNSET


def overlay(tree: S, environ: Mapping[str, str], report: Report, sources: dict[str, str]) -> S:
    """The tree with every variable applied that a key of it names.

    A bad text is told once and changes nothing, none of the keys that the variable sets.
    """
    bad: set[str] = set()
    read = [(key, env, _read(key, env, environ, report, bad)) for key in walk(type(tree)) for env in key.env]
    for key, env, value in read:
        if value is not UNSET and env.name not in bad:
            tree = replaced(tree, key.path, value)
            sources[key.path] = f"environment {env.name}"
    return tree


def switch(name: str, environ: Mapping[str, str], report: Report) -> bool | None:
    """A variable that is on or off and belongs to no key; None when it says nothing."""
    text = environ.get(name, "")
    if not text:
        return None
    value = flag(text)
    if value is None:
        report.ignored("", f"{name} must be true or false and is ignored", source=f"environment {name}")
    return value


def value_at(tree: Section, path: str) -> Any:
    """The value of the key; None below an absent nullable object."""
    value: Any = tree
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def replaced(tree: S, path: str, value: Any) -> S:
    """The tree with one key changed; a nullable object on the way comes into being with its own defaults."""
    name, _, rest = path.partition(".")
    if not rest:
        return msgspec.structs.replace(tree, **{name: value})
    inner = getattr(tree, name)
    if inner is None:
        key = next(key for key in keys_of(type(tree)) if key.name == name)
        assert key.section is not None, f"{name} is a value, not an object"
        inner = key.begins or key.section()
    return msgspec.structs.replace(tree, **{name: replaced(inner, rest, value)})


def _read(key: Key, env: Env, environ: Mapping[str, str], report: Report, bad: set[str]) -> Any:
    text = environ.get(env.name)
    if text is None or env.name in bad:
        return UNSET
    if text == "":
        return env.empty
    source = f"environment {env.name}"
    try:
        value = from_env(key, text)
    except UnknownWord as error:
        refuse_word(key, str(error), source, report)
        return UNSET if key.words is None or key.words.fallback is None else key.words.fallback
    except Unacceptable as error:
        message = f"must be {key.expected}; {env.name} is ignored"
        report.ignored(key.path, message, cause=str(error), source=source)
        bad.add(env.name)
        return UNSET
    if env.inverse:
        value = not value
    return value if env.only is UNSET or value == env.only else UNSET
