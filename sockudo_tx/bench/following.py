"""What a client does with full messages and deltas of one channel, by the rules of Sockudo's own client.

Source: delta-and-filters.md 5, which is taken from that client's code. Nothing here knows how the server made them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..delta import fossil, vcdiff
from ..delta.errors import DeltaError

__all__ = ["Bases", "NoBaseError", "Undone"]

KEPT = 30
"""Messages of each conflation key a client remembers."""
# The client cuts with these, in this order; a key with a double quote in it is not cut.
_CUTS = tuple(
    re.compile(pattern)
    for pattern in (
        rb',"__delta_seq":\d+',
        rb'"__delta_seq":\d+,',
        rb',"__conflation_key":"[^"]*"',
        rb'"__conflation_key":"[^"]*",',
    )
)
_DECODERS = {"fossil": fossil.decode, "xdelta3": vcdiff.decode}


class NoBaseError(DeltaError):
    """The message that a delta builds on was not received, or is forgotten: the client asks for a new beginning."""


class Undone(NamedTuple):
    """A delta that was applied."""

    algorithm: str
    base: bytes
    delta: str
    """In base64."""
    text: bytes


class Bases:
    """What one client keeps of one channel."""

    __slots__ = ("_base", "_conflated", "_keys", "algorithm")

    def __init__(self, algorithm: str = "fossil") -> None:
        self.algorithm = algorithm
        """Of deltas that do not say."""
        self._base: bytes | None = None
        self._conflated = False
        self._keys: dict[str, list[tuple[int, bytes]]] = {}

    def full(self, text: bytes, message: Mapping[str, Any]) -> bytes:
        """A message that is no delta: what is left of it without its metadata, which is kept if it has a number."""
        number = _number(message)
        if number is None:
            return text
        for cut in _CUTS:
            text = cut.sub(b"", text)
        key = message.get("__conflation_key")
        if isinstance(key, str):
            self._conflated = True
        self._keep(key if isinstance(key, str) else "", number, text)
        return text

    def delta(self, data: Mapping[str, Any]) -> Undone:
        """The message that a `pusher:delta` of this data stands for. Raises DeltaError; NoBaseError without a base."""
        key, number = data.get("conflation_key") or "", data.get("seq")
        base = self._find(key, data.get("base_index")) if self._conflated else self._base
        if base is None:
            raise NoBaseError("a delta against a message that was not received")
        algorithm, delta = data.get("algorithm") or self.algorithm, data.get("delta")
        if algorithm not in _DECODERS or not isinstance(delta, str) or not isinstance(number, int):
            raise DeltaError(f"a delta with algorithm {algorithm!r} and number {number!r}")
        made = _decoded(algorithm, base, delta)
        self._keep(key, number, made)
        return Undone(algorithm, base, delta, made)

    def synchronized(self, data: Mapping[str, Any]) -> None:
        """A `pusher:delta_cache_sync`: everything known is replaced."""
        self._conflated = True
        self._keys = {
            key: [(each["seq"], each["content"].encode()) for each in states][-KEPT:]
            for key, states in data.get("states", {}).items()
        }

    def forget(self) -> None:
        """As when the client has asked for a new beginning."""
        self._base, self._conflated, self._keys = None, False, {}

    def _keep(self, key: str, number: int, text: bytes) -> None:
        if not self._conflated:
            self._base = text
            return
        kept = self._keys.setdefault(key, [])
        kept.append((number, text))
        del kept[:-KEPT]

    def _find(self, key: str, number: Any) -> bytes | None:
        return next((text for seq, text in self._keys.get(key, ()) if seq == number), None)


def _number(message: Mapping[str, Any]) -> int | None:
    """A message's number; the client also looks for it inside the data, where none of the server's stands."""
    number = message.get("__delta_seq")
    if number is None:
        data = message.get("data")
        if isinstance(data, str) and "__delta_seq" in data:
            try:
                data = json.loads(data)
            except ValueError:
                return None
        if isinstance(data, dict):
            number = data.get("__delta_seq")
    return number if isinstance(number, int) else None


@lru_cache(maxsize=64)
def _decoded(algorithm: str, base: bytes, delta: str) -> bytes:
    """Subscribers in step all get the same delta: it is decoded once."""
    try:
        octets = base64.b64decode(delta, validate=True)
    except ValueError as error:
        raise DeltaError(f"a delta that is no base64: {error}") from None
    return _DECODERS[algorithm](base, octets)
