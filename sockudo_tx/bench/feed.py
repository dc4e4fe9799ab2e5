"""What is published to measure delta compression: built-in streams, or the lines of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from .streams import STREAMS

__all__ = ["KEYS", "Event", "Feed", "FeedError", "read_replay"]

KEYS = {"ticker": "product_id", "order_book": "symbol", "telemetry": "device"}
"""The member of each stream's messages that says of which instrument or device they are."""

# A name in a line beside the data, as in a recorded request.
_ENVELOPE = frozenset({"name", "data", "tags"})
_LARGEST_FILE = 64 << 20


class FeedError(ValueError):
    """A file that cannot be replayed; the text names the line and what is wrong."""


class Event(NamedTuple):
    """One event as the REST API is given it."""

    name: str
    data: str
    tags: str = ""
    """JSON; empty for none."""

    @property
    def members(self) -> str:
        """Its members as JSON, without the channel."""
        tags = f',"tags":{self.tags}' if self.tags else ""
        return f'"name":{json.dumps(self.name)},"data":{json.dumps(self.data)}{tags}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Streams of events, one a channel; every process makes the same ones of it."""

    streams: tuple[str, ...] = ()
    """Names out of `streams.STREAMS`."""
    messages: int = 0
    """Of each stream."""
    seed: int = 0
    instruments: int = 1
    """How many of a kind take turns on a channel: its conflation keys."""
    replayed: tuple[Event, ...] = ()
    """Instead of streams."""

    def make(self) -> list[list[Event]]:
        """The events of each channel."""
        if self.replayed:
            return [list(self.replayed)]
        return [[Event("update", data) for data in islice(self._turns(name), self.messages)] for name in self.streams]

    def _turns(self, name: str) -> Iterator[str]:
        make = STREAMS[name]
        if self.instruments == 1:
            yield from make(self.seed)
            return
        sources = [make(self.seed + number) for number in range(self.instruments)]
        while True:
            for number, source in enumerate(sources):
                yield _renamed(next(source), KEYS[name], number)


def _renamed(data: str, key: str, number: int) -> str:
    """The same of another instrument or device."""
    message = json.loads(data)
    message[key] = f"{message[key]}-{number}"
    return json.dumps(message, separators=(",", ":"))


def read_replay(path: Path, most: int | None = None) -> tuple[Event, ...]:
    """The events of a file of JSON lines: each the data of an event, or an object of `data` and perhaps `name` and
    `tags`. Raises FeedError."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise FeedError(f"{path}: larger than {_LARGEST_FILE >> 20} MiB")
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise FeedError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    written = ((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip())
    found = tuple(_event(f"{path}, line {number}", line) for number, line in islice(written, most))
    if not found:
        raise FeedError(f"{path}: there is no line in it")
    return found


def _event(where: str, line: str) -> Event:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FeedError(f"{where}: not JSON: {error}") from None
    if not (isinstance(value, dict) and "data" in value and _ENVELOPE.issuperset(value)):
        return Event("replay", value if isinstance(value, str) else line)
    name, tags = value.get("name", "replay"), value.get("tags")
    if not isinstance(name, str) or not name:
        raise FeedError(f"{where}: `name` must be a text")
    if tags is not None and not (isinstance(tags, dict) and all(isinstance(each, str) for each in tags.values())):
        raise FeedError(f"{where}: `tags` must be an object of texts")
    return Event(name, _text(value["data"]), "" if tags is None else json.dumps(tags))


def _text(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
