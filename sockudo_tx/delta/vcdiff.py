"""The VCDIFF delta format of RFC 3284, as far as the clients' decoders agree on it (delta-and-filters.md 13).

One window over the whole base, default code table; no secondary compression, no application header, no checksum. The
encoder copies from the base only, and writes no two instructions as one code: npm's `vcdiff-decoder` 0.2.1 takes an ADD
with a COPY behind it for something else. The decoder knows every instruction.
"""

from __future__ import annotations

from typing import Final

from .matching import matches
from .vcdiff_decoding import HEADER, NEAR, SOURCE, decode

__all__ = ["decode", "encode", "integer"]

_SHORTEST: Final = 4
"""The shortest copy whose length fits into its code. With two bytes of address it costs no more than the same text."""


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


_INTEGERS: Final = tuple(integer(number) for number in range(4096))


def encode(base: bytes, target: bytes) -> bytes | None:
    """What makes `target` of `base`; None when they have too little in common."""
    found = matches(base, target, _SHORTEST)
    if found is None:
        return None
    whole, size = len(target), len(base)
    codes, addresses = bytearray(), bytearray()
    data: list[bytes] = []
    near, slot = [0] * NEAR, 0
    done = 0
    for source, start, length in found:
        if length < _SHORTEST:
            continue
        mode, address = _addressed(source, size + start, near, slot)
        gap = start - done
        if gap:
            data.append(target[done:start])
            codes += _add(gap)
        if length <= 18:
            codes.append(16 + 16 * mode + length)
        else:
            codes.append(19 + 16 * mode)
            codes += _INTEGERS[length] if length < 4096 else integer(length)
        addresses += address
        near[slot] = source
        slot = (slot + 1) % NEAR
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
    return b"".join((HEADER, SOURCE, integer(size), b"\0", integer(len(body)), body))


def _add(length: int) -> bytes:
    """The instruction to add so many bytes of the data section."""
    return b"%c" % (length + 1) if length <= 17 else b"\1" + integer(length)


def _addressed(source: int, here: int, near: list[int], slot: int) -> tuple[int, bytes]:
    """The mode that needs the fewest bytes for an address, and these. `slot` is the oldest one of `near`."""
    # The last copy first: behind it is where the next one usually begins.
    for place in (slot - 1) % NEAR, (slot - 2) % NEAR, (slot - 3) % NEAR, slot:
        if 0 <= source - near[place] < 128:
            return 2 + place, _INTEGERS[source - near[place]]
    if source < 4096:
        return 0, _INTEGERS[source]  # another base address takes as much, once near ones have been tried
    choices = [(0, integer(source)), (1, integer(here - source))]
    choices += [(2 + place, integer(source - near[place])) for place in range(NEAR) if source >= near[place]]
    return min(choices, key=lambda choice: len(choice[1]))
