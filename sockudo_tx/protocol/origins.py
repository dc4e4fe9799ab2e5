"""Which `Origin` header values a list of patterns lets in (protocol.md 3.3, configuration.md 5.7).

    *                       everything, a missing header included
    https://example.com     exactly this origin
    example.com             http and https, exactly this host and port
    *.example.com           the host and every subdomain of it, any scheme, no port
    https://*.example.com   starts with the text before the star and ends with the text after it

Letter case never matters. Used by the WebSocket origin check and by CORS.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ALLOW_NONE", "any_origin", "origin_allowed", "pattern_fault"]

ALLOW_NONE = ("",)
"""A list that lets nobody in, for an app whose own patterns are all broken."""


def pattern_fault(pattern: str) -> str | None:
    """Why `pattern` may not be used, for people to read; None when it is fine."""
    if not pattern:
        return "an origin pattern cannot be empty"
    if pattern.count("*") > 1:
        return f"origin pattern '{pattern}' has more than one '*'"
    if pattern.startswith("*.") and not _is_domain(pattern[2:]):
        return f"origin pattern '{pattern}' needs a domain without leading, trailing or double dots after '*.'"
    if "://" in pattern:
        scheme, host = pattern.split("://", 1)
        if not scheme or not host:
            return f"origin pattern '{pattern}' needs text before and after '://'"
    return None


def origin_allowed(patterns: Iterable[str], origin: str | None) -> bool:
    """Whether a browser page of this origin may connect. No patterns means everyone may.

    A missing header counts as the empty origin, so only `*` lets it in.
    """
    patterns = tuple(patterns)
    if not patterns:
        return True
    origin = (origin or "").lower()
    host = origin.split("://", 1)[-1]  # any port included
    return any(_matches(pattern.lower(), origin, host) for pattern in patterns)


def any_origin(patterns: Iterable[str]) -> bool:
    """Whether a CORS list lets every origin in: `*`, or the word `any` in any letter case."""
    return any(pattern.lower() in ("*", "any") for pattern in patterns)


def _matches(pattern: str, origin: str, host: str) -> bool:
    if pattern == "*":
        return True
    if not pattern or not origin:
        return False
    if pattern == origin:
        return True
    if "*" not in pattern:
        return "://" not in pattern and host == pattern
    if pattern.startswith("*.") and "://" not in pattern:
        return host == pattern[2:] or host.endswith(pattern[1:])
    before, after = pattern.split("*", 1)
    return len(origin) >= len(before) + len(after) and origin.startswith(before) and origin.endswith(after)


def _is_domain(text: str) -> bool:
    return bool(text) and not text.startswith(".") and not text.endswith(".") and ".." not in text
