"""Reading a configuration file's bytes: strict JSON, with what the JSON library lets pass caught here."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from .grammar import is_text

__all__ = ["JsonObject", "NotJson", "parse", "problems"]


class NotJson(ValueError):
    """The bytes are not the JSON we accept; the text says where and why, and quotes nothing."""


class JsonObject(dict[str, Any]):
    """An object that remembers which members were written more than once; the last one counts."""

    repeated: tuple[str, ...] = ()


def parse(data: bytes) -> JsonObject:
    """The object in `data`. A byte order mark is tolerated; comments, NaN and Infinity are not."""
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except UnicodeDecodeError as error:
        raise NotJson(f"it is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except ValueError as error:
        raise NotJson(str(error) if isinstance(error, NotJson) else "it holds a number that is too long") from None
    if not isinstance(value, JsonObject):
        raise NotJson("the top level must be an object, `{ ... }`")
    return value


def problems(value: Any, path: str = "") -> tuple[list[str], list[str]]:
    """Paths of repeated members, and of texts with unpaired surrogates or NUL, anywhere inside."""
    repeated: list[str] = []
    broken: list[str] = []
    pending = [(path, value)]
    while pending:
        where, item = pending.pop()
        if isinstance(item, JsonObject):
            dot = where + "." if where else ""
            repeated += [dot + name for name in item.repeated]
            pending += [(dot + name, member) for name, member in item.items()]
            broken += [where or "the top level" for name in item if not is_text(name)]
        elif isinstance(item, list):
            pending += [(f"{where}[{index}]", member) for index, member in enumerate(item)]
        elif isinstance(item, str) and ("\0" in item or not is_text(item)):
            broken.append(where)
    return sorted(repeated), sorted(broken)


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = JsonObject(pairs)
    if len(result) < len(pairs):
        written = Counter(name for name, _ in pairs)
        result.repeated = tuple(name for name in result if written[name] > 1)
    return result


def _constant(word: str) -> Any:
    raise NotJson(f"{word} is not a JSON number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJson("it holds a number that is too large")
    return value
