"""What a client makes of what it hears, by the rules of delta-and-filters.md 5 and nothing else.

It knows the texts as they came, cuts the metadata out of them, and keeps what the official client keeps. Deltas are
decoded by code that shares nothing with the encoders.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import vcdiff_decoder

__all__ = ["Lost", "Model", "apply_fossil"]

_CUTS = [
    re.compile(pattern)
    for pattern in (
        r',"__delta_seq":\d+',
        r'"__delta_seq":\d+,',
        r',"__conflation_key":"[^"]*"',
        r'"__conflation_key":"[^"]*",',
    )
]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"


class Lost(Exception):
    """There is no base for a delta: the client would ask for a resync."""


def apply_fossil(source: bytes, delta: bytes) -> bytes:
    """Fossil's format, read in the plainest way; every length and the checksum are checked."""
    text, at = delta.decode("latin-1"), 0

    def integer() -> int:
        nonlocal at
        value = 0
        while text[at] in _DIGITS:
            value = value * 64 + _DIGITS.index(text[at])
            at += 1
        return value

    size = integer()
    assert text[at] == "\n"
    at += 1
    target = bytearray()
    while True:
        number, command = integer(), text[at]
        at += 1
        if command == "@":
            offset = integer()
            assert text[at] == ","
            at += 1
            assert offset + number <= len(source)
            target += source[offset : offset + number]
        elif command == ":":
            target += delta[at : at + number]
            at += number
        else:
            assert command == ";", command
            break
    assert (len(target), at) == (size, len(text))
    padded = bytes(target) + bytes(-len(target) % 4)
    assert number == sum(int.from_bytes(padded[i : i + 4], "big") for i in range(0, len(padded), 4)) % 2**32
    return bytes(target)


class _Channel:
    def __init__(self) -> None:
        self.keyed = False
        self.base: str | None = None
        self.lists: dict[str, list[tuple[int, str]]] = {}
        self.most = 30

    def keep(self, text: str, seq: int, key: str | None) -> None:
        if key is not None:
            self.keyed = True
            kept = self.lists.setdefault(key, [])
            kept.append((seq, text))
            del kept[: -self.most]
        else:
            self.base = text

    def find(self, key: str, seq: int) -> str | None:
        if not self.keyed:
            return self.base
        return next((text for number, text in self.lists.get(key, ()) if number == seq), None)


class Model:
    """One client. `hear` gives the plain text of each event it would deliver."""

    def __init__(self) -> None:
        self.channels: dict[str, _Channel] = {}
        self.kinds: list[str] = []
        """`plain`, `full` or `delta`, of each event delivered."""
        self.algorithm = "fossil"
        """Of deltas that do not say; the last that was confirmed."""

    def hear(self, text: str) -> str | None:
        """The event's text without metadata, None for what is no event."""
        message = json.loads(text)
        event, channel = message["event"], message.get("channel")
        if event == "pusher:delta":
            self.kinds.append("delta")
            return self._delta(channel, message["data"])
        if event == "pusher:delta_cache_sync":
            self._sync(channel, message["data"])
            return None
        if event == "pusher:delta_compression_enabled" and message["data"].get("enabled"):
            self.algorithm = message["data"]["algorithm"]
            return None
        if event.startswith(("pusher:", "pusher_internal:")):
            return None
        seq, key = message.get("__delta_seq"), message.get("__conflation_key")
        self.kinds.append("plain" if seq is None else "full")
        if seq is None:
            seq = _inner(message.get("data"))
        if seq is None:
            return text
        numbered = message.get("__delta_seq") is not None
        stripped = text
        for cut in _CUTS:
            stripped = cut.sub("", stripped)
        self._channel(channel).keep(stripped, seq, key if isinstance(key, str) else None)
        return stripped if numbered else text

    def _channel(self, name: str) -> _Channel:
        return self.channels.setdefault(name, _Channel())

    def _delta(self, name: str, data: dict[str, Any]) -> str:
        channel, key = self._channel(name), data.get("conflation_key", "")
        base = channel.find(key, data["base_index"])
        if base is None:
            self.channels.pop(name)
            raise Lost(f"{name} {key!r} {data['base_index']}")
        delta = base64.b64decode(data["delta"], validate=True)
        if data.get("algorithm", self.algorithm) == "xdelta3":
            target = vcdiff_decoder.decode(base.encode(), delta)
        else:
            target = apply_fossil(base.encode(), delta)
        text = bytes(target).decode()
        assert json.loads(text)["event"] == data["event"]
        channel.keep(text, data["seq"], data.get("conflation_key"))
        return text

    def _sync(self, name: str, data: dict[str, Any]) -> None:
        channel = self.channels[name] = _Channel()
        channel.keyed = True
        channel.most = max(data["max_messages_per_key"], 30)
        for key, states in data["states"].items():
            channel.lists[key] = [(state["seq"], state["content"]) for state in states]


def _inner(data: Any) -> int | None:
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return None
    seq = data.get("__delta_seq") if isinstance(data, dict) else None
    return seq if isinstance(seq, int) else None
