"""The search, and that both formats give back what went in: D-75 to D-77."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import vcdiff_decoder
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.delta import fossil, vcdiff
from sockudo_tx.delta.matching import matches

from . import decoders
from .pairs import awkward, edited, frames, streamed, unrelated


def check(base: bytes, target: bytes) -> tuple[bytes | None, bytes | None]:
    """Both deltas, decoded by decoders that are not ours and by ours."""
    one, other = fossil.encode(base, target), vcdiff.encode(base, target)
    if one is not None:
        assert decoders.fossil(base, one) == target
        assert fossil.decode(base, one) == target
    if other is not None:
        assert decoders.vcdiff(base, other) == target
        assert vcdiff_decoder.decode(base, other) == target
        assert vcdiff.decode(base, other) == target
    return one, other


def test_D75_random_edits() -> None:
    """3,000 of them decode to the exact bytes, most as deltas; npm's decoders: tests/conformance/test_deltas.py."""
    made = [check(base, target) for base, target in edited(3000)]
    assert sum(one is not None and other is not None for one, other in made) > 1500


def test_D75_streams() -> None:
    """The built-in streams decode, and none gives up."""
    assert all(one and other for one, other in (check(base, target) for base, target in streamed(60)))


def test_D76_awkward_messages() -> None:
    """Equal, empty, tiny and endlessly repetitive messages: an end, and a delta that decodes or none."""
    for base, target in awkward():
        check(base, target)


def test_D76_equal_messages() -> None:
    """One copy, and a long run of commas too."""
    for text in (frames("order_book", 1)[0], b"," * 4000):
        assert matches(text, text, 6) == [(0, 0, len(text))]


class Counted(bytes):
    """A base that counts how often it is searched."""

    searches = 0

    def find(self, *arguments: Any) -> int:
        """Counted."""
        self.searches += 1
        return super().find(*arguments)

    def rfind(self, *arguments: Any) -> int:
        """Counted."""
        self.searches += 1
        return super().rfind(*arguments)


def test_D77_unrelated_messages() -> None:
    """Two of 64 KB: given up after a bounded number of searches."""
    one, other = unrelated(65536)
    base = Counted(one)
    assert matches(base, other, 6) is None
    assert 0 < base.searches <= 2 * 40
    assert fossil.encode(one, other) is None
    assert vcdiff.encode(one, other) is None


def test_too_little_in_common() -> None:
    """A quarter of the target is where base64 would make it as long as it was."""
    one, other = (text.replace(b",", b".") for text in unrelated(300))
    assert matches(b"s" * 90 + one, b"s" * 90 + other, 6) is None
    assert matches(b"s" * 110 + one, b"s" * 110 + other, 6) == [(0, 0, 110)]
    assert matches(b"s" * 90, b"s" * 90 + other, 6) is None


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_D77_searches_are_bounded(step: int) -> None:
    """Also in messages that are related but shifted all over: at most two for each 64 bytes, and 128."""
    numbers = [b'"%06d"' % (number * 7919 % 1_000_000) for number in range(8000)]
    shifted = [number[:-step] + number[-1:] * (index % 2 + 1) for index, number in enumerate(numbers)]
    base, target = Counted(b",".join(numbers)), b",".join(shifted)
    matches(base, target, 6)
    assert base.searches <= 2 * (64 + len(target) // 64)


def test_what_takes_another_way_is_still_found() -> None:
    """A value that changes its length, a member that comes or goes, a text without commas: copies around it."""
    book = frames("order_book", 1)[0]
    middle = book.index(b"],[", 700) + 2
    text = b"The quick brown fox jumps over the lazy dog and goes on to wherever it is that foxes go at night." * 3
    changes = (
        (book, book[:middle] + book[middle + 27 :]),
        (book, book[:middle] + rb"[\"67213.01\",\"0.1234\"]," + book[middle:]),
        (book, book.replace(b".", b".0", 1)),
        (text, text[:50] + b"very " + text[50:]),
        (text, text[:50] + text[57:]),
    )
    for base, target in changes:
        one, other = check(base, target)
        assert one is not None
        assert other is not None
        assert len(one) < 60
        assert len(other) < 60


@pytest.mark.parametrize("at", [100, 505, 508, 510, 511, 512, 513, 515, 1000, 1023, 1028, 1090])
def test_a_run_is_not_cut(at: int) -> None:
    """Wherever a value changes, or one is longer by a byte, there are two copies that meet at it."""
    base = b"".join(b'"reading_%03d":%d,' % (number, 20 + number) for number in range(70))
    assert matches(base, base[:at] + b"\xff" + base[at + 1 :], 6) == [(0, 0, at), (at + 1, at + 1, len(base) - at - 1)]
    longer = matches(base, base[:at] + b"\xff" + base[at:], 6)
    assert longer is not None
    assert sum(length for _, _, length in longer) >= len(base) - 2
    assert len(longer) == 2


def size(encode: Callable[[bytes, bytes], bytes | None], stream: str) -> float:
    """Bytes of deltas by bytes of frames."""
    pairs = list(pairwise(frames(stream, 200)))
    return sum(len(encode(base, target) or target) for base, target in pairs) / sum(len(target) for _, target in pairs)


@pytest.mark.parametrize(
    ("stream", "as_fossil", "as_vcdiff"),
    [("ticker", 0.319, 0.258), ("order_book", 0.0445, 0.0375), ("telemetry", 0.0955, 0.0755)],
)
def test_deltas_are_small(stream: str, as_fossil: float, as_vcdiff: float) -> None:
    """The streams' deltas are within 2 % of what they were when the best parse of all was no smaller."""
    assert size(fossil.encode, stream) < as_fossil
    assert size(vcdiff.encode, stream) < as_vcdiff


@pytest.mark.parametrize("length", range(1, 16))
def test_short_copies_only_where_they_pay(length: int) -> None:
    """A run between two changed values is copied or written again, whichever takes fewer bytes."""
    head, run, tail = (
        b"The beginning, which stays; " * 3,
        b"0123456789abcdef"[:length],
        b" and an end that stays as well",
    )
    base = head + b"?????" + run + b"!!!!!" + tail
    target = head + b"-----" + run + b"+++++" + tail
    one, other = check(base, target)
    assert one is not None
    assert other is not None
    # Fossil: 1r LF; 1K@0, ; 5:-----, run, 5:+++++ or one text; U@1T, ; checksum ;
    written, copied = 2 + 10 + length, 7 + 5 + 7
    assert len(one) == 3 + 5 + min(written, copied) + 5 + len(fossil.integer(fossil.checksum(target))) + 1
    # VCDIFF: 12 bytes around the two lengths; 3 for each long copy; one or two ADDs, a short copy of two.
    written, copied = 1 + 10 + length, 6 + 2 + 6
    assert len(other) == 12 + 2 * len(vcdiff.integer(len(base))) + 3 + min(written, copied) + 3


@pytest.mark.parametrize("length", range(1, 10))
def test_short_copies_at_the_end(length: int) -> None:
    """Behind the last one there is no text that it divides, so a shorter one pays."""
    head, tail = b"The beginning, which stays; " * 3, b"0123456789"[:length]
    one, _ = check(head + b"?????" + tail, head + b"-----" + tail)
    assert one is not None
    assert one.count(b"@") == 1 + (length > 5)


def test_members_in_another_order() -> None:
    """What has moved is found on both sides, the nearest first, and left again when it ends."""
    random = Random(3)
    members = [b'"%02d_of_many":%d' % (number, number * 3701) for number in range(24)]
    base = b"{%b}" % b",".join(members)
    random.shuffle(members)
    target = b"{%b}" % b",".join(members)
    one, other = check(base, target)
    assert one is not None
    assert other is not None
    assert len(one) < len(target) / 2
    assert len(other) < len(target) / 3


blocks = st.lists(
    st.sampled_from([b'"price":', b"12.5", b",", b'{"a":[', b"]}", b"\0", b"x" * 40, b"\xc3\xa9"]), max_size=60
)
texts = st.binary(max_size=200) | blocks.map(b"".join)


@given(texts, texts)
def test_arbitrary_pairs(base: bytes, target: bytes) -> None:
    """Any two texts: a delta that decodes, or none."""
    check(base, target)


@given(blocks, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4), blocks), max_size=4), st.integers(3, 16))
def test_matches(pieces: list[bytes], edits: list[tuple[int, int, list[bytes]]], shortest: int) -> None:
    """They are equal, in order, apart, and not more than the target."""
    base = b"".join(pieces)
    for at, gone, come in edits:
        pieces[at : at + gone] = come[:5]
    target = b"".join(pieces)
    done = 0
    for source, start, length in matches(base, target, shortest) or ():
        assert length > 0
        assert start >= done
        assert base[source : source + length] == target[start : start + length] != b""
        done = start + length
    assert done <= len(target)


def test_every_shortest_length_finds_the_same_shape() -> None:
    """With longer shortest runs there are only fewer."""
    base, target = frames("telemetry", 2)
    covered = [sum(length for _, _, length in matches(base, target, shortest) or ()) for shortest in (4, 8, 16)]
    assert covered == sorted(covered, reverse=True)
    assert covered[-1] > len(target) * 0.8
