"""The VCDIFF delta format of RFC 3284, as far as the clients' decoders agree on it (delta-and-filters.md 13).

One window over the whole base, default code table; no secondary compression, no application header, no checksum. The
encoder copies from the base only, and leaves the two instructions in one code alone: npm's `vcdiff-decoder` 0.2.1 takes
an ADD with a COPY behind it for something else. The decoder knows every instruction.
"""

from __future__ import annotations

from typing import Final

from .errors import LARGEST, DeltaError
from .matching import matches

__all__ = ["decode", "encode", "integer"]

_HEADER: Final = b"\xd6\xc3\xc4\x00\x00"
_SOURCE: Final = b"\x01"
_SHORTEST: Final = 4
"""The shortest copy there is a code for that has its length in it, and the shortest that can pay."""
_ALWAYS: Final = 8
"""A copy of this length pays whatever is around it."""
_TOP: Final = 1 << 31
"""Above every number in a delta: the clients' decoders calculate with 32 bits and a sign."""
_NEAR: Final = 4
_SAME: Final = 3 * 256


def integer(number: int) -> bytes:
    """A number as the format writes it: base 128, most significant group first, bit 7 on all but the last."""
    if number < 128:
        return b"%c" % number
    text = bytearray((number & 127,))
    number >>= 7
    while number:
        text.append(number & 127 | 128)
        number >>= 7
    text.reverse()
    return bytes(text)


def encode(base: bytes, target: bytes) -> bytes | None:
    """What makes `target` of `base`; None when they have too little in common."""
    found = matches(base, target, _SHORTEST)
    if found is None:
        return None
    whole, size = len(target), len(base)
    codes, addresses = bytearray(), bytearray()
    data: list[bytes] = []
    near, slot = [0] * _NEAR, 0
    done = 0
    for source, start, length in found:
        mode, address = _addressed(source, size + start, near, slot)
        gap = start - done
        if length < _ALWAYS:
            cost = 1 + len(address) + (gap > 0 and start + length < whole)
            if length < _SHORTEST or cost >= length:
                continue
        if gap:
            data.append(target[done:start])
            codes += _add(gap)
        if length <= 18:
            codes.append(16 + 16 * mode + length)
        else:
            codes.append(19 + 16 * mode)
            codes += integer(length)
        addresses += address
        near[slot] = source
        slot = (slot + 1) % _NEAR
        done = start + length
    if done < whole:
        data.append(target[done:])
        codes += _add(whole - done)
    text = b"".join(data)
    body = b"".join(
        (
            integer(whole),
            b"\0",
            integer(len(text)),
            integer(len(codes)),
            integer(len(addresses)),
            text,
            codes,
            addresses,
        )
    )
    return b"".join((_HEADER, _SOURCE, integer(size), b"\0", integer(len(body)), body))


def _add(length: int) -> bytes:
    """The instruction to add so many bytes of the data section."""
    return b"%c" % (length + 1) if length <= 17 else b"\1" + integer(length)


def _addressed(source: int, here: int, near: list[int], slot: int) -> tuple[int, bytes]:
    """The mode that needs the fewest bytes for an address, and these. `slot` is the oldest one of `near`."""
    # The last copy first: behind it is where the next one usually begins.
    for place in (slot - 1) % _NEAR, (slot - 2) % _NEAR, (slot - 3) % _NEAR, slot:
        if 0 <= source - near[place] < 128:
            return 2 + place, b"%c" % (source - near[place])
    choices = [(0, integer(source)), (1, integer(here - source))]
    choices += [(2 + place, integer(source - near[place])) for place in range(_NEAR) if source >= near[place]]
    return min(choices, key=lambda choice: len(choice[1]))


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
    if delta[:5] != _HEADER:
        raise DeltaError(f"begins with {delta[:5].hex()}, not {_HEADER.hex()}")
    if delta[5:6] != _SOURCE:
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
        self._near, self._same, self._slot = [0] * _NEAR, [0] * _SAME, 0

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
        self._slot = (self._slot + 1) % _NEAR
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
        if mode < 2 + _NEAR:
            return self._near[mode - 2] + self._addresses.number()
        return self._same[(mode - 2 - _NEAR) * 256 + self._addresses.take(1)[0]]
