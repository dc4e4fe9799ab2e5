"""What to do about the refusals that servers of this kind are known for."""

from __future__ import annotations

import re

__all__ = ["cured"]

# Pusher's codes of errors and of closing, HTTP statuses, and words of the operating system. The first that fits counts.
_CURES = (
    (r"\b4001\b", "--app-key must be that of an app of this server"),
    (r"\b(4004|4100)\b|quota", "raise the app's max_connections, or ask for fewer --connections"),
    (r"\b4301\b|client events?\b|client messages?\b", "the app must have client events enabled, at this --rate"),
    (r"^401\b", "--app-key and --app-secret must be the app's"),
    (r"^403\b", "the app must be enabled, and --app-key and --app-secret its own"),
    (r"^404\b", "--app-id must be that of an app of this server, and --path-prefix what its paths begin with"),
    (
        r"^(405|501)\b|^HTTP/1\.[01] (403|404|405|426|501)\b",
        "is it a Pusher server? --path-prefix is what its paths begin with",
    ),
    (r"^413\b|too large|max.*size", "a smaller --size, or a higher limit of the server"),
    (r"batch", "a smaller --batch, or a higher limit of the server"),
    (r"^429\b", "a lower --rate, or a higher limit of the server"),
    (r"Connection refused", "is the server still running?"),
    (r"Too many open files|no socket", "raise the limit with ulimit -n, or use more --processes"),
)
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), cure) for pattern, cure in _CURES)


def cured(reason: str) -> str:
    """A reason, and what to do about it if that is known."""
    cure = next((cure for pattern, cure in _KNOWN if pattern.search(reason)), None)
    return reason if cure is None else f"{reason.rstrip('. ')}: {cure}"
