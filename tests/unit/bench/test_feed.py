"""What is published to measure delta compression."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockudo_tx.bench.feed import KEYS, Event, Feed, FeedError, read_replay
from sockudo_tx.bench.streams import STREAMS


def replayed(folder: Path, *lines: str) -> tuple[Event, ...]:
    """The events of a file with these lines."""
    path = folder / "lines.jsonl"
    path.write_text("\n".join(lines))
    return read_replay(path)


def test_every_process_makes_the_same() -> None:
    """Two feeds that are told the same have the same events, and another seed has others."""
    names = tuple(STREAMS)
    first, again, other = (Feed(streams=names, messages=5, seed=seed).make() for seed in (1, 1, 2))
    assert first == again
    assert [len(events) for events in first] == [5, 5, 5]
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))


def test_instruments_take_turns() -> None:
    """With conflation keys several instruments or devices take turns on a channel, each with a stream of its own."""
    for name, events in zip(STREAMS, Feed(streams=tuple(STREAMS), messages=6, instruments=3).make(), strict=True):
        keys = [json.loads(event.data)[KEYS[name]] for event in events]
        assert keys[:3] == keys[3:], name
        assert len(set(keys)) == 3, name


def test_lines_of_data(tmp_path: Path) -> None:
    """A line is the data of an event: a text as it is, anything else as it is written; empty lines are none."""
    found = replayed(tmp_path, '{"a": 1.0}', "", '"text"', "[1,2]", '{"data":1,"more":2}')
    assert [event.data for event in found] == ['{"a": 1.0}', "text", "[1,2]", '{"data":1,"more":2}']


def test_lines_with_a_name(tmp_path: Path) -> None:
    """An object of data with a name or tags is an event as a backend sends it."""
    (first, second) = replayed(tmp_path, '{"name":"n","data":{"ü":1},"tags":{"a":"b"}}', '{"data":"d","tags":null}')
    assert (first.name, first.data, first.tags) == ("n", '{"ü":1}', '{"a": "b"}')
    assert json.loads(f"{{{first.members}}}") == {"name": "n", "data": '{"ü":1}', "tags": {"a": "b"}}
    assert json.loads(f"{{{second.members}}}") == {"name": "replay", "data": "d"}


def test_only_the_first(tmp_path: Path) -> None:
    """No more lines are read than are asked for."""
    path = tmp_path / "lines.jsonl"
    path.write_text("1\n2\nbroken\n")
    assert [event.data for event in read_replay(path, 2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1: not JSON"),
        ('{"name":7,"data":1}', "`name` must be a text"),
        ('{"data":1,"tags":{"a":1}}', "`tags` must be an object of texts"),
        ("", "no line"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_refused_lines(tmp_path: Path, line: str, said: str) -> None:
    """What cannot be published is named with its line."""
    with pytest.raises(FeedError, match=said):
        replayed(tmp_path, line)


def test_refused_files(tmp_path: Path) -> None:
    """A file that is not there, or not UTF-8, is named."""
    with pytest.raises(FeedError, match="No such file"):
        read_replay(tmp_path / "nothing")
    (tmp_path / "bytes").write_bytes(b'"\xff"')
    with pytest.raises(FeedError, match="not UTF-8"):
        read_replay(tmp_path / "bytes")
