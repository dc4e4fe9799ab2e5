"""Fossil deltas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.delta.errors import DeltaError
from sockudo_tx.delta.fossil import checksum, decode, encode, integer

from . import decoders
from .pairs import SOURCE, TARGET

# delta-and-filters.md 12
INTEGERS = {0: b"0", 35: b"Z", 36: b"_", 37: b"a", 63: b"~", 64: b"10", 100: b"1_", 4095: b"~~", 4096: b"100", 123456789: b"7MxpL", 4294967295: b"3~~~~~"}  # fmt: skip
CHECKSUMS = {b"": 0, b"a": 1627389952, b"abcd": 1633837924, b"abcde": 3328336740, b"\xff" * 8: 4294967294}
DELTA = b"1G<LF>f@0,2:27_@g,1wCuvn;".replace(b"<LF>", b"\n")


def test_D73_integers() -> None:
    """The numbers of section 12 are written as there."""
    assert {number: integer(number) for number in INTEGERS} == INTEGERS


def test_D73_checksums() -> None:
    """The checksums of section 12 come out, as numbers and as text."""
    assert {text: checksum(text) for text in CHECKSUMS} == CHECKSUMS
    assert [integer(checksum(text)) for text in (b"a", b"abcd", b"abcde", b"\xff" * 8)] == [b"1X0000", b"1XObD_", b"36ObD_", b"3~~~~z"]  # fmt: skip


def test_D73_delta() -> None:
    """The pair of section 12 gives the delta of section 12, and that the target again."""
    assert encode(SOURCE, TARGET) == DELTA
    assert decode(SOURCE, DELTA) == TARGET


@given(st.binary(max_size=3000) | st.integers(0, 40_000).map(lambda size: b"\xff" * size))
def test_checksum(text: bytes) -> None:
    """It is the sum of the words, whatever the length and however much is carried."""
    assert checksum(text) == decoders.fossil_sum(text)


def test_a_known_checksum_is_not_computed_again() -> None:
    """Who encodes one target against several bases gives it."""
    assert encode(SOURCE, TARGET, checksum(TARGET)) == DELTA
    assert encode(SOURCE, TARGET, 35) == DELTA.replace(b"1wCuvn;", b"Z;")


REFUSED = {
    "no number and one of": (b"", b"1G", b"1G;", b"1G\n", b"1G\nf", b"1G\nf@0;", b"1G\n@0,", b"1G\nf?0,", b"1G\nf\xe9", DELTA[:-1]),
    "leading zero": (DELTA.replace(b"@0,", b"@00,"), b"01G" + DELTA[2:]),
    "a number above": (b"40000000\n;", b"1G\n1@zzzzzzzzzzzzzzzz,"),
    "bytes, of which there are": (DELTA.replace(b"_@g", b"_@h"), b"1G\n2:a", b"1G\n0@0,", b"1G\n0:"),
    "more than the 80 bytes": (DELTA.replace(b"2:27", b"3:277"),),
    "not the 80": (DELTA.replace(b"2:27", b"1:2"),),
    "not the 81": (DELTA.replace(b"1G\n", b"1H\n"),),
    "behind its end": (DELTA + b"\n",),
    "checksum": (DELTA.replace(b"1w", b"1x"), DELTA.replace(b"27", b"28")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "delta"), [(reason, delta) for reason, deltas in REFUSED.items() for delta in deltas]
)
def test_the_decoder_refuses(reason: str, delta: bytes) -> None:
    """Whatever is not a delta of this format, and says why."""
    with pytest.raises(DeltaError, match=reason):
        decode(SOURCE, delta)


def test_the_decoder_knows_another_base() -> None:
    """By the checksum."""
    with pytest.raises(DeltaError, match="another base"):
        decode(SOURCE.replace(b"event", b"evens"), DELTA)


def test_the_decoder_makes_no_more_than_its_limit() -> None:
    """And makes as much."""
    assert decode(SOURCE, DELTA, limit=80) == TARGET
    with pytest.raises(DeltaError, match="more than 79"):
        decode(SOURCE, DELTA, limit=79)


@given(st.binary(max_size=60), st.binary(max_size=80))
def test_any_bytes_decode_or_are_refused(base: bytes, delta: bytes) -> None:
    """There is no third way."""
    try:
        decode(base, delta)
    except DeltaError:
        pass


@given(st.integers(0, len(DELTA) - 1), st.integers(0, 255))
def test_a_changed_byte_never_gives_a_wrong_message(at: int, byte: int) -> None:
    """Section 12: the decoder verifies lengths and checksum."""
    changed = bytearray(DELTA)
    changed[at] = byte
    try:
        assert decode(SOURCE, bytes(changed)) == TARGET
    except DeltaError:
        pass
