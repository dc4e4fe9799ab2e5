"""The search that delta-and-filters.md 14.1 describes, step by step, as a reference for ours.

Runs are extended by comparing slices that grow, anchors are the eight bytes from the next comma on; no more.
"""

from __future__ import annotations

__all__ = ["matches"]

_ANCHOR, _WINDOW, _FAILURES = 8, 8192, 40


def matches(base: bytes, target: bytes, shortest: int) -> list[tuple[int, int, int]] | None:
    """Copies: where in the base, where in the target, length. None when it gives up."""
    found: list[tuple[int, int, int]] = []
    source = at = done = scan = failed = 0
    end = len(target)
    while at < end:
        length = _run(base, source, target, at)
        if length >= shortest:
            found.append((source, at, length))
            source, at = source + length, at + length
            done, scan, failed = at, at, 0
            continue
        scan = max(scan, at)
        while True:
            comma = target.find(b",", scan, scan + 64)
            comma = scan + 32 if comma < 0 else comma
            if comma + _ANCHOR > end:
                return found + _suffix(base, target, done, shortest)
            scan = comma + 1
            anchor = target[comma : comma + _ANCHOR]
            place = base.find(anchor, source, source + _WINDOW)
            if place < 0:
                place = base.find(anchor, max(0, source - _WINDOW), source + _ANCHOR)
            if place >= 0:
                break
            failed += 1
            if failed >= _FAILURES:
                return None
        while comma > done and place and base[place - 1] == target[comma - 1]:
            comma, place = comma - 1, place - 1
        source, at = place, comma
    return found


def _run(base: bytes, source: int, target: bytes, at: int) -> int:
    """How far both are equal from there on."""
    most, length, width = min(len(base) - source, len(target) - at), 0, 16
    while length < most:
        width = min(width, most - length)
        if base[source + length : source + length + width] == target[at + length : at + length + width]:
            length += width
            width *= 4
            continue
        low, high = 0, width
        while high - low > 1:
            middle = (low + high) // 2
            one = base[source + length + low : source + length + middle]
            if one == target[at + length + low : at + length + middle]:
                low = middle
            else:
                high = middle
        return length + low
    return length


def _suffix(base: bytes, target: bytes, done: int, shortest: int) -> list[tuple[int, int, int]]:
    """What both end with, behind what was found."""
    length = 0
    while length < min(len(target) - done, len(base)) and base[-1 - length] == target[-1 - length]:
        length += 1
    return [(len(base) - length, len(target) - length, length)] if length >= shortest else []
