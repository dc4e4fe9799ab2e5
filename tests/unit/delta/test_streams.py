"""Numbers, bases and what makes room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.delta import streams as module
from sockudo_tx.delta.settings import DeltaSettings, Rules, rules_for
from sockudo_tx.delta.streams import Base, Streams

RULES = rules_for("a", None, DeltaSettings())


def keep(streams: Streams, key: str = "", base: bytes = b"base", rules: Rules = RULES, now: float = 0.0) -> int:
    """Track a message; its number."""
    stream = streams.get(key)
    seq = stream.next
    streams.keep(key, stream, base, rules, now)
    return seq


def test_numbers_begin_at_nought_for_each_key() -> None:
    """And count up."""
    streams = Streams()
    assert [keep(streams, key) for key in ("BTC", "ETH", "BTC", "ETH")] == [0, 0, 1, 1]


def test_D34_the_last_messages_are_bases() -> None:
    """As many as the ring holds."""
    streams = Streams()
    for _ in range(11):
        keep(streams)
    assert list(streams.get("").ring) == list(range(1, 11))
    assert streams.size == 40
    assert streams.get("").newest() == (10, Base(b"base", 11, None))
    assert streams.get("").newest(tick=9) == (8, Base(b"base", 9, None))
    assert streams.get("").newest(tick=1) is None


def test_D62_a_stream_that_returns_counts_above_all() -> None:
    """The least recently touched goes first, and its number is not forgotten."""
    streams, rules = Streams(), RULES._replace(max_streams=2)
    for key in ("a", "a", "a", "b", "a"):
        keep(streams, key, rules=rules)
    assert streams.keep("c", streams.get("c"), b"base", rules, 0) == 1
    assert ("b" in streams, "a" in streams) == (False, True)
    keep(streams, "d", rules=rules)
    assert "a" not in streams
    assert keep(streams, "a", rules=rules) == 4


def test_numbers_above_those_of_another_channel() -> None:
    """All streams go on above what a client may remember, unless they are above it by themselves."""
    streams = Streams()
    for key in ("a", "a", "a", "b"):
        keep(streams, key)
    assert streams.highest == 3
    streams.rise(3)
    assert [keep(streams, key) for key in ("b", "c")] == [1, 0]
    streams.rise(7)
    assert [keep(streams, key) for key in ("a", "b", "c", "d")] == [7, 7, 7, 7]


def test_no_limit_of_streams() -> None:
    """0 is none."""
    streams = Streams()
    for number in range(500):
        keep(streams, str(number), rules=RULES._replace(max_streams=0))
    assert len(streams) == 500


def test_bytes_of_all_bases_are_limited() -> None:
    """First other streams go, then older bases, and one that is too big for itself is not kept."""
    streams, half = Streams(), bytes(module.BASES_AT_MOST // 2)
    keep(streams, "a")
    keep(streams, "b", half)
    keep(streams, "b", half)
    assert ("a" in streams, list(streams.get("b").ring)) == (False, [0, 1])
    keep(streams, "b", half)
    assert list(streams.get("b").ring) == [1, 2]
    keep(streams, "b", half + half + b"!")
    assert (list(streams.get("b").ring), streams.size, streams.get("b").next) == ([], 0, 4)


def test_D28_when_a_message_has_to_be_full() -> None:
    """The first, after so many deltas, and after so long a time."""
    streams = Streams()
    stream = streams.get("")
    assert stream.due(0, 3, 300) == "first"
    keep(streams, now=10)
    stream = streams.get("")
    stream.deltas = 2
    assert stream.due(309.9, 3, 300) is None
    assert stream.due(310, 3, 300) == "age"
    stream.deltas = 3
    assert stream.due(11, 3, 300) == "interval"
    stream.deltas = 0
    assert stream.due(11, 0, 300) == "interval"


def test_idle_streams_are_swept() -> None:
    """Those that were touched since stay."""
    streams = Streams()
    for now, key in enumerate("abcab"):
        keep(streams, key, now=now)
    streams.sweep(12, 10)
    assert [key for key, _ in streams.recent()] == ["b", "a"]
    streams.sweep(100, 10)
    assert (len(streams), streams.size, streams.floor) == (0, 0, 2)


def test_forgetting_everything_but_the_numbers() -> None:
    """A number is never used again."""
    streams = Streams()
    assert [keep(streams), keep(streams)] == [0, 1]
    streams.clear()
    assert (keep(streams), streams.size) == (2, 4)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60), st.booleans())), st.integers(0, 3))
def test_numbers_never_repeat(steps: list[tuple[str, int, bool]], limit: int) -> None:
    """Whatever is evicted, a key's numbers rise, and sizes are what the rings hold."""
    streams, rules = Streams(), RULES._replace(max_streams=limit, ring=3)
    last: dict[str, int] = {}
    for now, (key, size, sweep) in enumerate(steps):
        seq = keep(streams, key, bytes(size), rules, float(now))
        assert seq > last.get(key, -1)
        last[key] = seq
        if sweep:
            streams.sweep(now, 2)
        assert streams.size == sum(
            sum(len(base.text) for base in stream.ring.values()) for _, stream in streams.recent()
        )
