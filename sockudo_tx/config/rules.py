"""Rules a value must keep wherever it came from; a broken one refuses to start."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

from ..protocol.origins import pattern_fault
from .declare import Rule
from .masks import without_password

__all__ = [
    "CORS_ORIGINS",
    "MOST_WORKERS",
    "METRIC_PREFIX",
    "NETWORKS",
    "NOT_EMPTY",
    "ONE_OR_MORE",
    "TOKENS",
    "WORKERS",
    "is_token",
]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)  # RFC 9110, 5.6.2
_HEADER = re.compile(r"[ -~]*")
MOST_WORKERS = 256
_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*", re.ASCII)


def is_token(text: str) -> bool:
    """Whether HTTP allows it as the name of a header or a method."""
    return _TOKEN.fullmatch(text) is not None


def _below_one(value: Any) -> str | None:
    return "must be at least 1" if isinstance(value, int) and value < 1 else None


def _empty(value: str) -> str | None:
    return None if value else "cannot be empty"


def _shown(text: str) -> str:
    """What a message quotes: an address that came to the wrong place may hold a password."""
    return without_password(text)[:60]


def _no_token(values: tuple[str, ...]) -> str | None:
    bad = next((value for value in values if not is_token(value)), None)
    return None if bad is None else f"holds {_shown(bad)!r}, which is not a legal HTTP token"


def _no_origin(patterns: tuple[str, ...]) -> str | None:
    bad = next((pattern for pattern in patterns if not _HEADER.fullmatch(pattern)), None)
    if bad is not None:
        return f"holds {_shown(bad)!a}, which no browser can send: origins are plain ASCII, names in their xn-- form"
    faults = (pattern_fault(pattern) for pattern in patterns if pattern.lower() != "any")
    return next((f"holds a bad pattern: {fault}" for fault in faults if fault), None)


def _no_network(values: tuple[str, ...]) -> str | None:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            return f"holds {_shown(value)!r}, which is neither an address nor a network such as 10.0.0.0/8"
    return None


def _no_metric(value: str) -> str | None:
    return None if not value or _METRIC.fullmatch(value) else "must begin a metric name: letters, digits, _ and :"


def _no_number_of_workers(value: Any) -> str | None:
    fits = not isinstance(value, int) or 1 <= value <= MOST_WORKERS
    return None if fits else f"must be from 1 to {MOST_WORKERS}, or auto"


ONE_OR_MORE = Rule(_below_one, "at least 1")
NOT_EMPTY = Rule(_empty, "not empty")
TOKENS = Rule(_no_token, "legal HTTP tokens")
CORS_ORIGINS = Rule(_no_origin, "legal origin patterns")
METRIC_PREFIX = Rule(_no_metric, "letters, digits, `_` and `:`")
WORKERS = Rule(_no_number_of_workers, f"from 1 to {MOST_WORKERS}")
NETWORKS = Rule(_no_network, "addresses or networks")
