"""From what was written to a typed value: JSON values of files, texts of variables (configuration.md 1.3, 1.4)."""

from __future__ import annotations

import re
from typing import Any, get_origin

import msgspec

from .declare import Key
from .masks import printable, without_password

__all__ = ["Unacceptable", "UnknownWord", "described", "flag", "from_env", "from_json", "is_text", "one_line", "shown"]

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_DIGITS = re.compile(r"\+?[0-9]{1,30}", re.ASCII)
_HOST_PORT = re.compile(r"([^:/\[\]]+|\[[^\[\]]+\]):([0-9]{1,5})", re.ASCII)
_SIGNED = 2**63 - 1
_DECIMAL = re.compile(r"\+?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class Unacceptable(ValueError):
    """The value is not what the key takes. The text is the cause; it quotes no secret."""


class UnknownWord(Unacceptable):
    """The key takes one of a few words, and this is another."""


def from_json(key: Key, value: Any) -> Any:
    """The value of `key` as written in a file. Raises `Unacceptable`."""
    if key.zero_is_none and _switches_off(value):
        return None
    if isinstance(value, str) and key.splits:
        value = _items(value)
    if isinstance(value, str) and key.choices:
        value = _word(key, value)
    try:
        return msgspec.convert(_fitting(value), key.type)
    except msgspec.ValidationError:
        raise Unacceptable(f"found {described(value, key.secret)}") from None


def from_env(key: Key, text: str) -> Any:
    """The value of `key` as written in a variable. Raises `Unacceptable`."""
    if not is_text(text):
        raise Unacceptable("found bytes that are not UTF-8")
    if key.zero_is_none and _switches_off(text):
        return None
    try:
        value = msgspec.convert(_fitting(_env_value(key, text)), key.type)
    except msgspec.ValidationError:
        raise Unacceptable(f"found {described(text, key.secret)}") from None
    return None if key.zero_is_none and value == 0 else value


def flag(text: str) -> bool | None:
    """A switch as people write it in variables; None when it is none of the accepted words."""
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def is_text(text: str) -> bool:
    """Whether the text can be written as UTF-8; a variable may hold any bytes."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def shown(value: str) -> str:
    """A value as findings quote it: short, on one line, and without the password of an address."""
    value = without_password(value)
    return ascii(value if len(value) <= 60 else value[:60] + "…").replace("\\u2026", "…")


def one_line(name: str) -> str:
    """A name as findings write it: what is no plain character of a line is escaped, and long ones are cut."""
    return printable(name if len(name) <= 200 else name[:200] + "…")


def _env_value(key: Key, text: str) -> Any:
    if any(get_origin(base) is tuple for base in key.bases):
        return [_node(item) for item in _items(text)] if key.item else _items(text)
    if bool in key.bases and flag(text) is not None:
        return flag(text)
    if int in key.bases and _DIGITS.fullmatch(text):
        return int(text)
    if float in key.bases and _DECIMAL.fullmatch(text):
        return float(text)
    return _word(key, text) if key.choices else text


def _fitting(value: Any) -> Any:
    """Numbers of 64 bits that no signed word holds, which people write for "no limit", are as good as its largest."""
    return _SIGNED if type(value) is int and _SIGNED < value < 2**64 else value


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _node(text: str) -> dict[str, Any]:
    """A cluster node as variables write it: `host`, `host:port`, `[address]:port`, or a whole `redis://` address."""
    host, port = _HOST_PORT.fullmatch(text), 6379
    if host is None or int(host[2]) > 65535:  # which is told with the other addresses that are none
        return {"host": text, "port": port}
    return {"host": host[1], "port": int(host[2])}


def _word(key: Key, text: str) -> Any:
    words = dict(key.words.aliases) if key.words else {}
    word = words.get(text.lower(), text.lower())
    if word in key.choices:
        return word
    if int in key.bases and _DIGITS.fullmatch(text):
        return int(text)
    raise (UnknownWord if key.words else Unacceptable)(f"found {described(text, key.secret)}")


def _switches_off(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() in ("0", "none")
    return isinstance(value, int) and not isinstance(value, bool) and value == 0


def described(value: Any, secret: bool = False) -> str:
    """A value as findings tell what was found; a secret's kind only."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number" if secret else str(value) if abs(value) < 1e30 else "a huge number"
        case str():
            return "text" if secret else f"the text {shown(value)}"
        case list():
            return "a list"
        case _:
            return "an object"
