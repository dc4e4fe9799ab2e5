"""Two small decoders, written from delta-and-filters.md 12 and 13. They share no code with ours and trust nothing less."""

from __future__ import annotations

import struct

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"


def fossil_sum(target: bytes) -> int:
    """Big-endian words, added."""
    padded = target + b"\0" * (-len(target) % 4)
    return sum(struct.unpack(f">{len(padded) // 4}I", padded)) % 2**32


def fossil(source: bytes, delta: bytes) -> bytes:
    """The target of a Fossil delta; an AssertionError when something does not agree."""
    text = delta.decode("latin-1")
    at = 0

    def number() -> tuple[int, str]:
        nonlocal at
        begin, value = at, 0
        while text[at] in DIGITS:
            value = value * 64 + DIGITS.index(text[at])
            at += 1
        assert at > begin
        assert text[begin] != "0" or at == begin + 1
        at += 1
        return value, text[at - 1]

    size, end = number()
    assert end == "\n"
    target = b""
    while True:
        value, command = number()
        if command == "@":
            offset, comma = number()
            assert comma == ","
            assert offset + value <= len(source)
            target += source[offset : offset + value]
        elif command == ":":
            target += text[at : at + value].encode("latin-1")
            at += value
        else:
            assert command == ";"
            break
        assert value > 0
    assert at == len(text)
    assert len(target) == size
    assert value == fossil_sum(target)
    return target


def vcdiff(source: bytes, delta: bytes) -> bytes:  # noqa: C901 one format, one function: it is to be read beside section 13
    """The target of a VCDIFF delta, with every address mode and compound instruction."""
    assert delta[:6] == bytes.fromhex("d6c3c4000001")
    at = 6

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            byte = delta[at]
            at += 1
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                assert value < 2**31
                return value

    assert (number(), number()) == (len(source), 0)
    rest = number()
    assert at + rest == len(delta)
    size = number()
    assert delta[at] == 0
    at += 1
    data, codes = number(), number()
    addresses = number()
    data_at = at
    codes_at = data_at + data
    at = addresses_at = codes_at + codes  # numbers are read from here, except lengths
    assert addresses_at + addresses == len(delta)
    text = bytearray(source)
    near, slot, same = [0] * 4, 0, [0] * 768
    data_end, codes_end = codes_at, addresses_at

    def length(given: int) -> int:
        nonlocal at, codes_at
        if given:
            return given
        at, saved = codes_at, at
        value = number()
        codes_at, at = at, saved
        return value

    def add(count: int) -> None:
        nonlocal data_at
        assert data_at + count <= data_end
        text.extend(delta[data_at : data_at + count])
        data_at += count

    def copy(count: int, mode: int) -> None:
        nonlocal at, slot
        if mode >= 6:
            address = same[(mode - 6) * 256 + delta[at]]
            at += 1
        else:
            address = number()
            address = [address, len(text) - address, *(place + address for place in near)][mode]
        assert 0 <= address < len(text)
        near[slot % 4] = address
        slot += 1
        same[address % 768] = address
        for offset in range(count):
            text.append(text[address + offset])

    while codes_at < codes_end:
        code = delta[codes_at]
        codes_at += 1
        if code == 0:
            count = length(0)
            text.extend(delta[data_at : data_at + 1] * count)
            data_at += 1
        elif code <= 18:
            add(length(code - 1))
        elif code < 163:
            mode, given = divmod(code - 19, 16)
            copy(length(given + 3 if given else 0), mode)
        elif code < 235:
            mode, more = divmod(code - 163, 12)
            add(more // 3 + 1)
            copy(more % 3 + 4, mode)
        elif code < 247:
            mode, more = divmod(code - 235, 4)
            add(more + 1)
            copy(4, mode + 6)
        else:
            copy(4, code - 247)
            add(1)
    assert (data_at, at) == (data_end, len(delta))
    assert len(text) == len(source) + size
    return bytes(text[len(source) :])
