"""Which texts are numbers to a filter. Source: delta-and-filters.md 15.5."""

from __future__ import annotations

import math
import re
from functools import lru_cache

__all__ = ["number"]

# Possessive, so that a long text costs no more than its length. ASCII, or `ı` would be an `i` in any case.
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:e[+-]?[0-9]++)?+|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE
)
_SHORT = 40
"""Characters of a text worth remembering; a double never needs more than 25."""


def number(text: str) -> float:
    """The text as a double; NaN, with which no comparison holds, when it is no number.

    Beyond the range of doubles it is infinite. `float` accepts more: spaces, underscores, digits of other scripts.
    """
    return _remembered(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else math.nan


# One event's tag is compared with the bounds of many filters.
_remembered = lru_cache(maxsize=256)(_read)
