"""Reads VCDIFF deltas (delta-and-filters.md 13; RFC 3284), with every instruction and address mode there is."""

from __future__ import annotations

from typing import Final

from .errors import LARGEST, DeltaError

__all__ = ["HEADER", "NEAR", "SOURCE", "decode"]

HEADER: Final = b"\xd6\xc3\xc4\x00\x00"
"""Magic and version, and that nothing special is used."""
SOURCE: Final = b"\x01"
"""The only kind of window that clients can read: over the base, and without a checksum."""
NEAR: Final = 4
"""Slots for the addresses of the last copies."""
_SAME: Final = 3 * 256
_TOP: Final = 1 << 31
"""Above every number in a delta: the clients' decoders calculate with 32 bits and a sign."""


def _code_table() -> tuple[tuple[tuple[str, int, int], ...], ...]:
    """The default code table (RFC 3284, 5.6): one or two instructions each, as kind, length (0: given) and mode."""
    table: list[tuple[tuple[str, int, int], ...]] = [(("run", 0, 0),)]
    table += [(("add", length, 0),) for length in range(18)]
    for mode in range(9):
        table += [(("copy", length, mode),) for length in (0, *range(4, 19))]
    for mode in range(9):
        lengths = range(4, 7) if mode < 6 else range(4, 5)
        table += [(("add", more, 0), ("copy", length, mode)) for more in range(1, 5) for length in lengths]
    table += [(("copy", 4, mode), ("add", 1, 0)) for mode in range(9)]
    return tuple(table)


_CODES: Final = _code_table()


def decode(base: bytes, delta: bytes, limit: int = LARGEST) -> bytes:
    """The target. Raises `DeltaError` for whatever does not follow the format.

    Refuses before it makes more than `limit` bytes. VCDIFF has no checksum: with another base of the same length it
    gives another target.
    """
    if delta[:5] != HEADER:
        raise DeltaError(f"begins with {delta[:5].hex()}, not {HEADER.hex()}")
    if delta[5:6] != SOURCE:
        raise DeltaError("the window is not one over the base, without a checksum (Win_Indicator 01)")
    head = _Section(delta, 6, len(delta))
    size, position, length = head.number(), head.number(), head.number()
    if (size, position) != (len(base), 0):
        raise DeltaError(f"made for {size} bytes of a base at {position}, not for all {len(base)}")
    if length != len(delta) - head.at:
        raise DeltaError(f"the window has {len(delta) - head.at} bytes, not the {length} that it announces")
    whole = head.number()
    if whole > limit:
        raise DeltaError(f"the target would have {whole} bytes, more than {limit}")
    if head.take(1) != b"\0":
        raise DeltaError("the sections are compressed once more (Delta_Indicator)")
    lengths = head.number(), head.number(), head.number()
    if sum(lengths) != len(delta) - head.at:
        raise DeltaError(f"sections of {lengths} bytes do not fill the {len(delta) - head.at} that there are")
    return _Window(base, delta, head.at, lengths).run(whole)


class _Section:
    """A part of a delta that is read from its beginning to its end."""

    __slots__ = ("_delta", "_end", "at")

    def __init__(self, delta: bytes, at: int, end: int) -> None:
        self._delta, self.at, self._end = delta, at, end

    @property
    def empty(self) -> bool:
        """Whether all of it has been read."""
        return self.at == self._end

    def take(self, length: int) -> bytes:
        """So many bytes."""
        self.at += length
        if self.at > self._end:
            raise DeltaError(f"a section ends at byte {self._end}, in the middle of something")
        return self._delta[self.at - length : self.at]

    def number(self) -> int:
        """A number of the format."""
        number = 0
        while True:
            (group,) = self.take(1)
            number = number << 7 | group & 127
            if number >= _TOP:
                raise DeltaError(f"a number above {_TOP - 1} at byte {self.at}")
            if group < 128:
                return number


class _Window:
    """The instructions of a delta, with the addresses that they remember."""

    __slots__ = ("_addresses", "_base", "_codes", "_data", "_made", "_near", "_same", "_slot")

    def __init__(self, base: bytes, delta: bytes, at: int, lengths: tuple[int, int, int]) -> None:
        codes, addresses = at + lengths[0], at + lengths[0] + lengths[1]
        self._base = base
        self._data = _Section(delta, at, codes)
        self._codes = _Section(delta, codes, addresses)
        self._addresses = _Section(delta, addresses, len(delta))
        self._made = bytearray()
        self._near, self._same, self._slot = [0] * NEAR, [0] * _SAME, 0

    def run(self, whole: int) -> bytes:
        """The target, of `whole` bytes."""
        while not self._codes.empty:
            for kind, length, mode in _CODES[self._codes.take(1)[0]]:
                length = length or self._codes.number()
                if len(self._made) + length > whole:
                    raise DeltaError(f"more than the {whole} bytes that it announces")
                if kind == "add":
                    self._made += self._data.take(length)
                elif kind == "run":
                    self._made += self._data.take(1) * length
                else:
                    self._copy(length, mode)
        if len(self._made) != whole:
            raise DeltaError(f"{len(self._made)} bytes, not the {whole} that it announces")
        if not (self._data.empty and self._addresses.empty):
            raise DeltaError("data or addresses that no instruction asks for")
        return bytes(self._made)

    def _copy(self, length: int, mode: int) -> None:
        size = len(self._base)
        here = size + len(self._made)
        address = self._address(mode, here)
        if not 0 <= address < here:
            raise DeltaError(f"a copy from {address}, at {here}")
        self._near[self._slot] = address
        self._slot = (self._slot + 1) % NEAR
        self._same[address % _SAME] = address
        part = self._base[address : address + length]
        self._made += part
        # What is left comes from the target, and may reach into what it makes.
        start, left = max(address - size, 0), length - len(part)
        while left:
            part = bytes(self._made[start : start + left])
            self._made += part
            start, left = start + len(part), left - len(part)

    def _address(self, mode: int, here: int) -> int:
        if mode == 0:
            return self._addresses.number()
        if mode == 1:
            return here - self._addresses.number()
        if mode < 2 + NEAR:
            return self._near[mode - 2] + self._addresses.number()
        return self._same[(mode - 2 - NEAR) * 256 + self._addresses.take(1)[0]]
