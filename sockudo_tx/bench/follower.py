"""Clients that get the events of a feed, as deltas or plain, and hold each event against what was published."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..delta.errors import DeltaError
from . import plans
from .audit import Sent, Verdicts
from .client import Client
from .feed import Event
from .following import Bases, NoBaseError, Undone
from .frames import CLOSE
from .group import Group
from .histogram import Histogram
from .ledger import ledger_of
from .payload import Marker
from .publisher import Publisher
from .wire import Dialer

__all__ = ["FeedPublisher", "Follower"]


def keep(path: Path, undone: Undone) -> None:
    """Appends a delta to a file of JSON lines, for other decoders to try."""
    line = {
        "algorithm": undone.algorithm,
        "base": undone.base.decode("utf-8", "replace"),
        "delta": undone.delta,
        "message": undone.text.decode("utf-8", "replace"),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


class FeedPublisher(Publisher):
    """Publishes the events of a feed in their order: with one request under way at a time, since no event says which
    one it is. The serial of an event is its place in its stream."""

    def __init__(
        self, dialer: Dialer, plan: plans.Source, marker: Marker, windows: list[plans.Window], share: int, shares: int
    ) -> None:
        super().__init__(dialer, plan, marker, windows, share, shares)
        self._events: list[list[Event]] = plan.extra["feed"].make()

    def event(self, channel: int, stream: bytes, serial: int, due: int) -> tuple[str, str]:
        return self._plan.channels[channel], self._events[channel][serial].members


@lru_cache(maxsize=64)
def _read(text: bytes) -> dict[str, Any]:
    """Subscribers in step read the same texts: parsed once. Empty for what is no JSON object."""
    try:
        message = json.loads(text)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


class Follower(Client):
    """Subscribes to one channel of a feed, as its group's `extra["asks"]` says: with `delta` or plain."""

    __slots__ = ("_bases", "_follows", "_keeps", "_ledger", "_lost_base", "_place", "_stream")
    on_tape = False
    raw = True

    def __init__(self, group: Group, number: int, began: int) -> None:
        super().__init__(group, number, began)
        extra = group.plan.extra
        self._place = group.plan.channels_of(number)[0]
        self._stream = Marker.stream(self._place, 0)
        self._follows = bool(extra["asks"])
        self._ledger = ledger_of(group.marker.run, extra["feed"])
        self._bases = Bases()
        self._lost_base = False
        self._keeps = self._follows and number < len(group.plan.channels)

    def asks(self, channel: str) -> dict[str, Any]:
        return dict(self.group.plan.extra["asks"])

    def verdicts(self, sent: dict[bytes, Sent]) -> Verdicts:
        if wrong := self._ledger.settle():
            self._note("wrong", wrong)
        return super().verdicts(sent)

    def _note(self, what: str, count: int = 1) -> None:
        """Counts for the whole group, by channel."""
        notes = self.group.notes
        notes[self._place, what] = notes.get((self._place, what), 0) + count

    def _told(self, thing: dict[str, Any] | tuple[int, bytes]) -> None:
        if isinstance(thing, dict) or thing[0] & 15 >= CLOSE:
            super()._told(thing)
            return
        assert self._messages is not None
        first, payload = thing
        size = len(payload)
        self._text(self._messages.whole(first, payload), size + (2 if size < 126 else 4 if size < 65536 else 10))

    def _text(self, text: bytes | None, size: int) -> None:
        """A message, or None where a fragment does not end one yet, and the bytes its frame took."""
        now = time.monotonic_ns()
        message = _read(text) if text is not None else {}
        event = str(message.get("event", ""))
        if text is None:
            self._note("bytes", size)
        elif event == "pusher:delta":
            self._note("bytes", size)
            self._changed(message, now)
        elif event.startswith(("pusher:", "pusher_internal:")):
            self._message(message)
        elif not self._follows:
            self._came(message, text, now, size)
        else:
            plain = self._bases.full(text, message)
            self._came(_read(plain), plain, now, size)
            self._note("untracked" if plain is text else "full")
            self._note("metadata", len(text) - len(plain))
            if "__conflation_key" in message:
                self._note("keys")
            self._lost_base = False

    def heard(self, event: str, message: dict[str, Any]) -> None:
        data = message.get("data")
        if not isinstance(data, dict):
            return
        if event == "pusher:delta_compression_enabled" and data.get("enabled"):
            self._note("enabled")
            self._bases.algorithm = str(data.get("algorithm", self._bases.algorithm))
        elif event == "pusher:delta_cache_sync":
            self._bases.synchronized(data)

    def _changed(self, message: dict[str, Any], now: int) -> None:
        data = message.get("data")
        try:
            undone = self._bases.delta(data if isinstance(data, dict) else {})
        except NoBaseError as error:
            self._undecodable(str(error))
            if not self._lost_base:  # the answer to the first one is under way
                self.say(json.dumps({"event": "pusher:delta_sync_error", "data": {"channel": message.get("channel")}}))
                self._bases.forget()
                self._lost_base = True
        except DeltaError as error:
            self._undecodable(str(error))
        else:
            self._note("deltas")
            self._came(_read(undone.text), undone.text, now, 0)
            if self._keeps and (path := self.group.plan.extra["keep"]):
                keep(Path(path), undone)

    def _undecodable(self, reason: str) -> None:
        self._note("decode_errors")
        self._note(f"because {reason}")

    def _came(self, message: dict[str, Any], text: bytes, now: int, size: int) -> None:
        """An event, as it is after every delta was undone."""
        expected = self._expected.get(self._stream, 0)
        serial = self._ledger.serial(self._place, message.get("event"), message.get("data"), expected)
        if serial is None:
            if self._follows:
                self._note("wrong")
            return
        self._note("bytes", size)
        self._note("messages")
        if not (self._ledger.same if self._follows else self._ledger.plain)(self._place, serial, text):
            self._note("wrong")
        self._audit.take(self._stream, serial)
        extra, number = self.group.plan.extra, serial * len(self.group.plan.channels) + self._place
        due = self.group.begins + extra["offsets"][number]
        self.group.place(due).append((now - due) >> 10)
        name = extra["latency"][self._place]
        self.group.latencies.setdefault(name, Histogram()).add_ns(now - due)
