"""Channel patterns of an app's delta settings (delta-and-filters.md 9.3).

`*` stands for any run of characters, possibly none, and may occur any number of times; letter case matters.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["best_pattern", "matches"]


def best_pattern(channel: str, patterns: Iterable[str]) -> str | None:
    """The pattern that counts for the channel: its exact name, else the one with the most characters beside stars.

    Of two with as many the earlier one counts.
    """
    best, longest = None, -1
    for pattern in patterns:
        if pattern == channel:
            return pattern
        length = len(pattern) - pattern.count("*")
        if length > longest and matches(channel, pattern):
            best, longest = pattern, length
    return best


def matches(channel: str, pattern: str) -> bool:
    """Whether the pattern means the channel. Takes time in proportion to their lengths, whatever the stars."""
    first, *rest = pattern.split("*")
    if not rest:
        return channel == pattern
    *between, last = rest
    if len(channel) < len(first) + len(last) or not channel.startswith(first) or not channel.endswith(last):
        return False
    start, end = len(first), len(channel) - len(last)
    for part in between:
        found = channel.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return True
