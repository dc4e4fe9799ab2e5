"""What two messages of the same shape have in common: the search that both delta formats stand on.

Where two JSON texts differ in a few values they are equal, byte for byte, at the same distance (*shift*) from each
other. So a whole stretch is compared at once, by XOR of two large integers: what is equal becomes zeros, and one
regular expression finds them all, however many values changed. Only where a value changed its length, or something
came or went, the shift changes; then the text from a comma on is looked for elsewhere in the base.

Beside the search of delta-and-filters.md 14.1, which takes some steps in Python for each changed value, deltas are as
small and take a third of the time [measured: benchmarks/figures/deltas.py].
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["Match", "matches"]

Match = tuple[int, int, int]
"""Where it begins in the base, where in the target, how many bytes."""

_ANCHOR: Final = 8
"""Bytes that are looked for. 5 to 12 make 3 % of difference at most (14.1)."""
_CLEAR: Final = 32
"""A run of this length shows that the messages are related, as `"],["` does not."""
_GAIN: Final = 8
"""Equal bytes that another shift has to bring in addition: about what it costs in a delta."""
_LOOK: Final = 64
"""How far another shift is tried."""
_REACH: Final = 8192
"""How far from the place in the base an anchor is looked for."""
_STRIDE: Final = 16
"""Where no comma is near, an anchor begins every so many bytes."""
_MISSES: Final = 40
"""After so many anchors in a row that are not in the base, the messages have nothing to do with each other."""
_WORTH: Final = 0.75
"""The part of a target that may be literal: base64 makes 4 bytes of 3."""
_WINDOW: Final = 512
"""Bytes that are compared at once. More would be read in vain when the shift changes."""
_FIRST_WINDOW: Final = 128
"""The same behind a change of shift, where the next one is likely to be near."""

_ZEROS: Final = {length: re.compile(b"\0" * length + b"\0*+").finditer for length in range(3, 17)}
_SPAN: Final = re.Match.span
_number = int.from_bytes


def matches(base: bytes, target: bytes, shortest: int) -> list[Match] | None:
    """Equal stretches of `shortest` (3 to 16) bytes or more, in the order of the target and without overlap.

    Where one ends because a better one begins, and at the end, it may be shorter. None when there is too little in
    common to be worth a delta. Searches in the base are bounded: 64, and one more for each 64 bytes of the target.
    """
    search = _Search(base, target, shortest)
    place: tuple[int, int] | None = (0, 0)
    while place is not None:
        place = search.follow(*place)
    if search.hopeless or len(target) - search.copied > _WORTH * len(target):
        return None
    return search.found


class _Search:
    """One comparison, which only moves forward in the target."""

    __slots__ = ("_base", "_left", "_misses", "_probed", "_shortest", "_target", "copied", "found", "hopeless")

    def __init__(self, base: bytes, target: bytes, shortest: int) -> None:
        self._base, self._target, self._shortest = base, target, shortest
        self._probed = 0  # anchors begin here or later
        self._left = 64 + len(target) // 64  # searches
        self._misses = 0
        self.copied = 0
        self.found: list[Match] = []
        self.hopeless = False

    def follow(self, source: int, at: int) -> tuple[int, int] | None:
        """Takes what is equal at one shift until another is better: the place to follow next. None at the end."""
        base, target, shortest, found = self._base, self._target, self._shortest, self.found
        shift, whole = source - at, len(target)
        end = min(whole, len(base) - shift)
        taken = at
        window = _FIRST_WINDOW if at else _WINDOW
        while at < end:
            stop = min(at + window, end)
            window = _WINDOW
            runs, trailing = _equal(base[at + shift : stop + shift], target[at:stop], shortest)
            for first, last in runs:
                first += at
                last += at
                # A short run may be one by accident; an anchor is equal unless it begins in the last bytes of a run.
                if (last - first < _CLEAR or first - taken > _GAIN) and (
                    first - taken > _STRIDE or target.find(b",", max(taken - _ANCHOR + 1, 0), first) >= 0
                ):
                    place = self._better(shift, taken, first, last)
                    if place is not None:
                        return place
                if first <= taken:
                    first = self._join(shift, first)
                found.append((first + shift, first, last - first))
                self.copied += last - first
                taken = last
            if stop - taken > _LOOK:
                place = self._better(shift, taken, stop, stop)
                if place is not None:
                    return place
            if self.hopeless or stop - self.copied > _WORTH * whole:
                self.hopeless = True
                return None
            if stop == end:
                break
            # A run may go on behind the window, or begin at its end.
            at = stop - min(trailing, shortest)
        return self._better(shift, taken, whole, whole)

    def _join(self, shift: int, first: int) -> int:
        """Where a run begins that goes on from `first`: it takes the place of what was taken of it before."""
        found = self.found
        if found:
            source, start, length = found[-1]
            if start + length >= first and source - start == shift:
                found.pop()
                self.copied -= length
                return start
        return first

    def _better(self, shift: int, taken: int, first: int, last: int) -> tuple[int, int] | None:
        """A place to go to, seen from between two runs at this shift: that to `taken`, that from `first` to `last`."""
        base, target = self._base, self._target
        if self.found and self.found[-1][2] >= _CLEAR:
            self._misses = 0
        at = max(taken - _ANCHOR + 1, self._probed, 0)
        while self._left:
            comma = target.find(b",", at, min(first, at + 2 * _STRIDE))
            if comma < 0:
                if first - at < 2 * _STRIDE:
                    return None
                comma = at + _STRIDE
            self._probed = at = comma + 1
            anchor = target[comma : comma + _ANCHOR]
            if len(anchor) < _ANCHOR:
                return None
            self._left -= 1
            near = max(0, min(taken, comma) + shift)
            source = base.find(anchor, near, near + _REACH)
            if source < 0:
                source = base.rfind(anchor, max(0, near - _REACH), near + _ANCHOR - 1)
            if source < 0:
                self._misses += 1
                if self._misses >= _MISSES:
                    self.hopeless = True
                    return None
                continue
            alike = _alike(base[source : source + _LOOK], target[comma : comma + _LOOK])
            held = max(0, min(last, comma + alike) - max(first, comma)) + max(0, taken - comma)
            if source != comma + shift and alike >= held + _GAIN:
                return self._move(source, comma)
        return None

    def _move(self, source: int, at: int) -> tuple[int, int]:
        """Gives up what was taken behind `at`, and goes back from there as far as the other place is equal."""
        found = self.found
        free = 0
        while found:
            begin, start, length = found[-1]
            free = start + length
            if free <= at:
                break
            self.copied -= length
            found.pop()
            if start < at:
                self.copied += at - start
                found.append((begin, start, at - start))
            free = 0
        back = min(at - free, source, _LOOK)
        if back:
            one, other = self._base[source - back : source], self._target[at - back : at]
            back -= ((_number(one, "little") ^ _number(other, "little")).bit_length() + 7) // 8
        self._misses = 0
        return source - back, at - back


def _equal(old: bytes, new: bytes, shortest: int) -> tuple[Iterable[tuple[int, int]], int]:
    """Where texts of the same length are equal for `shortest` bytes or more; and how many bytes are at their end."""
    length = len(new)
    if old == new:
        return [(0, length)], length
    difference = (_number(old, "big") ^ _number(new, "big")).to_bytes(length, "big")
    return map(_SPAN, _ZEROS[shortest](difference)), length - len(difference.rstrip(b"\0"))


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes both have in common at their beginning."""
    length = min(len(one), len(other))
    return length - ((_number(one[:length], "big") ^ _number(other[:length], "big")).bit_length() + 7) // 8
