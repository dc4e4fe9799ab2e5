"""JSON as it travels: the only module that knows which JSON library we use.

Reading is strict: UTF-8, no `NaN` or `Infinity`, no unpaired surrogate escapes, bounded depth. A
value that is only passed on stays `Raw` and is never decoded, so numbers keep every digit and objects
their member order.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from typing import Any

import msgspec

__all__ = ["JsonError", "Raw", "compact", "depth", "dumps", "least_size", "loads", "quote", "text_of"]

Raw = msgspec.Raw


class JsonError(ValueError):
    """The bytes are not the JSON we accept; the text says where and why."""


def dumps(value: Any) -> str:
    """Compact JSON text: no spaces, non-ASCII raw, `/` unescaped, member order kept."""
    return msgspec.json.encode(value).decode()


def quote(text: str) -> str:
    """`text` as one JSON string, quotation marks included."""
    return msgspec.json.encode(text).decode()


def loads(text: bytes | str, max_depth: int | None = None) -> Any:
    """Any JSON value as plain Python objects. Raises `JsonError`, and nothing else.

    Integers beyond 64 bits become floats: use `Raw` for what must be passed on unchanged.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        if max_depth is not None and depth(text) > max_depth:
            raise JsonError(f"nesting is deeper than {max_depth} levels")
        return msgspec.json.decode(text)
    except UnicodeDecodeError as error:
        raise JsonError(f"not valid UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError as error:
        raise JsonError(f"unpaired surrogate at character {error.start}") from None
    except RecursionError:
        raise JsonError("nesting is too deep") from None
    except msgspec.DecodeError as error:
        raise JsonError(str(error)) from None


# One token per match: a string, a run of white space, or anything else.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[ \t\r\n]+|[^"\s]+', re.DOTALL)
# An unfinished string swallows the rest, and nothing backtracks: hostile text costs no more than its length.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# Brackets as steps into the next level and out of it, as signed bytes; everything else is left out.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)).difference(b"[{]}"))


def compact(raw: Raw | bytes | str) -> str:
    """The same JSON value in the wire's spelling: no white space, characters unescaped.

    `raw` must be valid JSON (a decoded `Raw` is). Numbers are copied digit by digit.
    """
    text = raw if isinstance(raw, str) else bytes(raw).decode()
    if "\\" not in text and " " not in text and "\n" not in text and "\t" not in text and "\r" not in text:
        return text
    return _TOKEN.sub(_respell, text)


def _respell(token: re.Match[str]) -> str:
    text = token.group()
    if text[0] == '"':
        return quote(msgspec.json.decode(text)) if "\\" in text else text
    return "" if text.isspace() else text


def text_of(raw: Raw | bytes | str) -> str:
    """A value as event `data`: a JSON string's own characters, or any other value's compact JSON."""
    text = raw if isinstance(raw, str) else bytes(raw).decode()
    if text.lstrip(" \t\r\n")[:1] == '"':
        return str(msgspec.json.decode(text))
    return compact(text)


def least_size(text: bytes) -> int:
    """Bytes that `text_of` gives for certain, told at a glance: it takes seconds for 10 MiB of small change."""
    if text.lstrip()[:1] == b'"':
        return 0  # a string is one token
    spaces = sum(map(text.count, (b" ", b"\n", b"\t", b"\r")))
    return len(text) - spaces - text.count(b"\\") - 5 * text.count(b"\\u")  # `\u0041` is one byte


def depth(text: bytes | str) -> int:
    """Deepest nesting of brackets outside strings, counted before any recursive parser sees the text."""
    if isinstance(text, str):
        text = text.encode()
    brackets = text.count(b"[") + text.count(b"{")
    if brackets < 2:
        return brackets if text.lstrip()[:1] in (b"[", b"{") else 0  # a string may hold the only one
    steps = array("b", _STRING.sub(b"", text).translate(_STEPS, _NO_BRACKETS))
    return max(accumulate(steps, initial=0))
