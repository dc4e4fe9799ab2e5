"""What one rule about several keys says, and how a rule is told what was written and what is built in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from ..schema import Config

__all__ = ["Advice", "Rule", "Written", "loopback"]


class Advice(NamedTuple):
    """A conflict between keys, or a value that works and is seldom meant."""

    keys: tuple[str, ...]
    """The keys that disagree; the finding is about the first. It is not told while one of them is in error."""
    message: str
    cause: str
    cure: str
    kind: Literal["refuse", "error", "ignored", "warn", "info"] = "warn"
    """How the report is told; the methods of `Report` say what that means."""
    value: str = ""
    source: str = ""
    """Where the value comes from, when the keys do not tell."""
    app: str = ""
    """The id of the app it is about: each has a source of its own."""


class Written:
    """Which keys somebody has written, wherever."""

    def __init__(self, sources: Mapping[str, str], built_in: str) -> None:
        self._sources = sources
        self._built_in = built_in

    def __call__(self, *paths: str) -> bool:
        """Whether all these keys were written."""
        return all(self._sources.get(path, self._built_in) != self._built_in for path in paths)


Rule = Callable[[Config, Written], Iterator[Advice]]


def loopback(host: str) -> bool:
    """Whether only programs of this machine reach the address."""
    bare = host.strip("[]").lower()
    return bare in ("localhost", "::1") or bare.startswith("127.")
