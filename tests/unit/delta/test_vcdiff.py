"""VCDIFF deltas."""

from __future__ import annotations

import pytest
import vcdiff_decoder
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.delta.errors import DeltaError
from sockudo_tx.delta.vcdiff import decode, encode, integer

from . import decoders
from .pairs import SOURCE, TARGET, frames

# delta-and-filters.md 13
INTEGERS = {0: "00", 127: "7f", 128: "8100", 300: "822c", 16384: "818000", 123456789: "baef9a15"}
DELTA = bytes.fromhex("d6c3c4000001 4f 00 0e 50 00 02 05 02 3237 132a031324 002b")


def window(base: bytes, target: int, data: bytes, codes: bytes, addresses: bytes) -> bytes:
    """A delta by hand."""
    body = b"".join(
        (
            integer(target),
            b"\0",
            integer(len(data)),
            integer(len(codes)),
            integer(len(addresses)),
            data,
            codes,
            addresses,
        )
    )
    return b"\xd6\xc3\xc4\0\0\1" + integer(len(base)) + b"\0" + integer(len(body)) + body


def test_D74_integers() -> None:
    """The numbers of section 13 are written as there."""
    assert {number: integer(number).hex() for number in INTEGERS} == INTEGERS


def test_D74_delta() -> None:
    """The delta of section 13 decodes, and ours for the same pair is no longer and begins as it has to."""
    assert decode(SOURCE, DELTA) == TARGET
    ours = encode(SOURCE, TARGET)
    assert ours is not None
    assert len(ours) == len(DELTA)
    assert ours[:6] == bytes.fromhex("d6c3c4000001")


def test_D74_header() -> None:
    """Every delta begins D6 C3 C4 00 00 01, with the whole base at 0 and sections that are not compressed."""
    for base, target in zip(frames("order_book", 20), frames("order_book", 20, seed=1)[1:], strict=False):
        delta = encode(base, target)
        assert delta is not None
        assert delta.startswith(bytes.fromhex("d6c3c4000001") + integer(len(base)) + b"\0")


def test_D78_near_addresses() -> None:
    """More than four copies, forward and back, with addresses above 127: the slots rotate as the decoders' do."""
    pieces = [bytes(range(48 + 10 * piece, 58 + 10 * piece)) * 15 for piece in range(7)]
    base = b"".join(pieces)
    for order in ((6, 5, 4, 3, 2, 1, 0), (0, 2, 4, 6, 1, 3, 5), (5, 5, 1, 5, 5, 3, 0, 6, 0), (1, 4, 1, 4, 1, 4, 1)):
        target = b",".join(pieces[piece][: 100 + piece] for piece in order)
        # Commas are where the search looks, so each piece is found again with one before it.
        source = b"," + b",".join(pieces)
        delta = encode(source, target)
        assert delta is not None
        assert len(delta) < 80
        assert decode(source, delta) == target
        assert decoders.vcdiff(source, delta) == target
        assert vcdiff_decoder.decode(source, delta) == target
    assert base


CODES = {
    "run": (9, b"z", bytes((0, 9)), b"", b"z" * 9),
    "add": (3, b"xyz", bytes((4,)), b"", b"xyz"),
    "add, length given": (20, b"q" * 20, bytes((1, 20)), b"", b"q" * 20),
    "copy from the base": (4, b"", bytes((20,)), b"\x02", b"cdef"),
    "copy, counted back from here": (4, b"", bytes((36,)), b"\x06", b"efgh"),
    "copy from base and target": (8, b"", bytes((24,)), b"\x06", b"ghijghij"),
    "copy of what it makes": (9, b"z", bytes((2, 24)), b"\x0a", b"z" * 9),
    "copy from the target": (7, b"xyz", bytes((4, 20)), b"\x0b", b"xyzyzyz"),
    "near": (8, b"", bytes((20, 52)), b"\x02\x01", b"cdefdefg"),
    "same": (8, b"", bytes((20, 116)), b"\x02\x02", b"cdefcdef"),
    "add 2, copy 5": (7, b"xy", bytes((163 + 3 + 1,)), b"\x01", b"xybcdef"),
    "add 3, copy 4 same": (7, b"xyz", bytes((235 + 2,)), b"\x00", b"xyzabcd"),
    "copy 4, add 1": (5, b"x", bytes((247,)), b"\x03", b"defgx"),
}


@pytest.mark.parametrize("name", CODES)
def test_the_decoder_knows_every_kind_of_instruction(name: str) -> None:
    """As the other decoders do."""
    size, data, codes, addresses, target = CODES[name]
    base = b"abcdefghij"
    delta = window(base, size, data, codes, addresses)
    assert decode(base, delta) == target
    assert decoders.vcdiff(base, delta) == target
    if name != "copy from base and target":  # PyPI's refuses what the RFC allows; our encoder never does it
        assert vcdiff_decoder.decode(base, delta) == target


BASE = b"abcdefghij"
REFUSED = {
    "begins with": (b"", b"\xd6\xc3\xc4\0\4" + DELTA[5:], b"1G\nf@0,"),
    "without a checksum": (DELTA[:5] + b"\5" + DELTA[6:], DELTA[:5] + b"\2" + DELTA[6:], DELTA[:5]),
    "of a base": (window(BASE[1:], 1, b"x", b"\2", b""),),
    "in the middle": (DELTA[:7].replace(b"\x4f", b"\x8a"), window(BASE, 3, b"x", b"\4", b""), window(BASE, 4, b"", b"\x14", b""), window(BASE, 4, b"", b"\x01", b"")),
    "window has": (window(BASE, 1, b"x", b"\2", b"")[:-1], window(BASE, 1, b"x", b"\2", b"") + b"\0"),
    "compressed": (b"\xd6\xc3\xc4\0\0\1\x0a\0\x07\1\1\1\1\0x\2",),
    "do not fill": (b"\xd6\xc3\xc4\0\0\1\x0a\0\x07\1\0\1\2\0x\2",),
    "more than the 1 bytes": (window(BASE, 1, b"xy", b"\3", b""),),
    "not the 2": (window(BASE, 2, b"x", b"\2", b""),),
    "no instruction asks": (window(BASE, 1, b"xy", b"\2", b""), window(BASE, 1, b"x", b"\2", b"\0")),
    "a copy from": (window(BASE, 4, b"", b"\x14", b"\x0a"), window(BASE, 4, b"", b"\x24", b"\x0b"), window(BASE, 4, b"", b"\x24", b"\x00")),
    "a number above": (window(BASE, 1, b"x", b"\2", b"").replace(b"\x0a", b"\x88\x80\x80\x80\x00", 1),),
    "would have": (window(BASE, 1 << 25, b"", b"\0", b""),),
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "delta"), [(reason, delta) for reason, deltas in REFUSED.items() for delta in deltas]
)
def test_the_decoder_refuses(reason: str, delta: bytes) -> None:
    """Whatever is not a delta of this format for this base, and says why."""
    with pytest.raises(DeltaError, match=reason):
        decode(BASE, delta)


def test_the_decoder_makes_no_more_than_its_limit() -> None:
    """However few bytes ask for it."""
    delta = window(BASE, 1000, b"z", bytes((0,)) + integer(1000), b"")
    assert decode(BASE, delta, limit=1000) == b"z" * 1000
    with pytest.raises(DeltaError, match="more than 999"):
        decode(BASE, delta, limit=999)


@given(st.binary(max_size=40), st.binary(max_size=8), st.binary(max_size=12), st.binary(max_size=8), st.integers(0, 60))
def test_any_bytes_decode_or_are_refused(base: bytes, data: bytes, codes: bytes, addresses: bytes, size: int) -> None:
    """There is no third way."""
    try:
        target = decode(base, window(base, size, data, codes, addresses))
    except DeltaError:
        pass
    else:
        assert len(target) == size
