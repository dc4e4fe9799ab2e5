"""The clients of one kind in a worker: opening them, what their reads mean, and what became of them."""

from __future__ import annotations

import importlib
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from . import plans
from . import tape as tapes
from .audit import Sent, Verdicts
from .frames import FINAL_TEXT, FrameError, split
from .histogram import Histogram
from .payload import Marker
from .tape import Tape
from .timeline import Timeline
from .wire import Dialer

if TYPE_CHECKING:  # a client knows its group
    from .client import Client

__all__ = ["Group", "Item"]

# What one read held: (stream, serial, next serial, due, where its latency goes) for an event of ours, (None, message or
# frame, ...) for anything else.
Item = tuple[bytes | None, Any, int, int, Callable[[int], None]]
# Reads remembered: with up to 64 KiB each, some megabytes.
_REMEMBERED = 256


def _nowhere(_: int) -> None:
    pass


class Group:
    """The clients of one kind in this worker, what they saw and when.

    Subscribers of a channel read the same bytes: what a read means is worked out once and remembered by its bytes.
    """

    def __init__(self, dialer: Dialer, plan: plans.Group, marker: Marker, numbers: Sequence[int], workers: int) -> None:
        self.dialer = dialer
        self.plan = plan
        self.seen: dict[bytes, tuple[tuple[Item, ...], bytes]] = {}
        self.clients: list[Client] = []
        self.ready = 0
        """Clients that are subscribed now."""
        self.arrived = 0
        """Clients that have ever been."""
        self.failed: Counter[str] = Counter()
        """Why clients never got in."""
        self.dropped: Counter[str] = Counter()
        """Why clients were thrown out."""
        self.errors: Counter[str] = Counter()
        """What `pusher:error` said to clients that stayed."""
        self.times = {name: Histogram() for name in ("connect", "established", "subscribed")}
        self.last_ready = 0
        self.last_event = 0
        self.notes: dict[Any, Any] = {}
        """For kinds: counters of their own, by name."""
        self._kind = _load(plan.kind)
        self.marker = marker
        self._numbers = numbers
        self._opened = 0
        self._pending = 0
        self._workers = workers
        self._windows: list[tuple[plans.Window, list[int]]] = []
        self._others: list[int] = []
        self._streams: dict[bytes, bytes] = {}
        self._tapes: dict[int, Tape] = {}
        self.latencies: dict[str, Histogram] = {}
        self.timeline: Timeline | None = None
        """Of the measured window, by when it was folded: at each status, several times a second."""
        self.events = 0

    # ------------------------------------------------------------------------------------------- coming and going

    def open(self) -> None:
        """Begins to open them, on their schedule or as fast as allowed."""
        if not self.plan.rate:
            self._open_more()
            return
        distance = 1e9 / self.plan.rate
        for number in self._numbers:
            due = self.plan.start + round(number * distance)
            self.dialer.loop.at(due, partial(self._open_one, number, due))

    def _open_more(self) -> None:
        at_once = max(1, self.plan.at_once // self._workers)
        while self._pending < at_once and self._opened < len(self._numbers):
            self._open_one(self._numbers[self._opened], time.monotonic_ns())

    def _open_one(self, number: int, began: int) -> None:
        self._opened += 1
        self._pending += 1
        client = self._kind(self, number, began)
        self.clients.append(client)
        client.dial(number, self.plan.receive_buffer)

    def settled(self, client: Client, why_not: str | None) -> None:
        """A client got in, or never will."""
        self._pending -= 1
        if why_not is None:
            self.ready += 1
            self.arrived += 1
            self.last_ready = time.monotonic_ns()
            self.times["subscribed"].add_ns(self.last_ready - client.began)
            if self.plan.stay:
                self.dialer.loop.at(self.last_ready + round(self.plan.stay * 1e9), client.leave)
        else:
            self.failed[why_not] += 1
        if not self.plan.rate:
            self._open_more()

    def halt(self) -> None:
        """No further client is opened."""
        self._numbers = self._numbers[: self._opened]

    def cut(self) -> None:
        """All hang up at once."""
        for client in self.clients:
            client.leave()

    def reopen(self) -> None:
        """As many come back, as new connections; what they saw before stays in the audit. Only they are timed."""
        self.times = {name: Histogram() for name in self.times}
        self._opened = 0
        self.open()

    def owe(self) -> None:
        """From now on all who are connected are owed every event of every source that begins."""
        for client in self.clients:
            client.owed()

    def stall(self) -> None:
        """All stop reading."""
        for client in self.clients:
            client.stall()

    def resume(self) -> None:
        """All read again."""
        for client in self.clients:
            client.resume()

    # ------------------------------------------------------------------------------------------------- what arrives

    def watch(self, windows: Sequence[plans.Window]) -> None:
        """From now on the latencies of events due in these windows are kept apart."""
        self.fold()
        self._windows = [(window, []) for window in windows]
        self.timeline = next((Timeline(window.start) for window in windows if window.name == "delivery"), None)
        self.seen.clear()

    def understand(self, data: bytes) -> tuple[tuple[Item, ...], bytes]:
        """What a read means, and the beginning of a frame at its end. Raises FrameError."""
        frames, rest = split(data)
        found = tuple([self.understood(first, text) for first, text, _ in frames]), rest
        if len(self.seen) >= _REMEMBERED:
            self.seen.clear()
        self.seen[data] = found
        return found

    def understood(self, first: int, text: bytes) -> Item:
        """What one frame means. Raises FrameError."""
        if first == FINAL_TEXT and not self._kind.raw:
            return self.item(text)
        return None, (first, text), 0, 0, _nowhere

    def item(self, text: bytes) -> Item:
        """What one message means. Raises FrameError for one that is no JSON object."""
        mark = self.marker.find(text)
        if mark is not None:
            stream = self._streams.setdefault(mark.stream, mark.stream)  # one object, whose hash is known
            return stream, mark.serial, mark.serial + 1, mark.due, self.place(mark.due).append
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise FrameError(f"a message that is no JSON object: {text[:80]!r}")
        return None, message, 0, 0, _nowhere

    @property
    def begins(self) -> int:
        """When the first window begins; 0 while there is none."""
        return self._windows[0][0].start if self._windows else 0

    def place(self, due: int) -> list[int]:
        """Where the latency of an event goes that was due then."""
        for window, latencies in self._windows:
            if window.start <= due < window.end:
                return latencies
        return self._others

    def tape(self, client: Client) -> Tape | None:
        """The tape of a client's channel, for those that read it from its beginning."""
        channels = self.plan.channels_of(client.number)
        if not self.plan.whole or len(channels) != 1:
            return None
        tape = self._tapes.setdefault(channels[0], Tape(channels[0]))
        return None if tape.end else tape

    def shorten(self, tape: Tape) -> None:
        """Cuts off a long tape what all have read; who is far behind must do without it."""
        if len(tape.text) < tape.limit:
            return
        readers = [client for client in self.clients if client.tape is tape]
        for client in readers:
            if tape.ends[-1] - client.read > tapes.FURTHEST:
                client.leave_tape()
        tape.cut(min((client.frame for client in readers if client.tape is tape), default=tape.end))

    def fold(self) -> int:
        """Moves the latencies since the last call into histograms; events so far."""
        for window, latencies in (*self._windows, (None, self._others)):
            if not latencies:
                continue
            self.events += len(latencies)
            if window is not None:
                fresh = Histogram()
                # Microseconds below 33 ms, and then never finer than a thousandth: long ones would all be different.
                coarse = [
                    value if value < 32768 else value & -32 if value < 1048576 else value & -1024 for value in latencies
                ]
                for microseconds, count in Counter(coarse).items():
                    fresh.add_ns((microseconds << 10) + 512, count)
                self.latencies.setdefault(window.name, Histogram()).merge(fresh)
                if window.name == "delivery" and self.timeline is not None:
                    self.timeline.at(time.monotonic_ns()).merge(fresh)
            latencies.clear()
        return self.events

    # ------------------------------------------------------------------------------------------------- what is told

    def status(self, *, percentiles: bool) -> dict[str, Any]:
        """How it stands, while it runs. Percentiles cost a millisecond, so only if somebody looks at them."""
        self.fold()
        return {
            "opened": self._opened,
            "to_open": len(self._numbers),
            "pending": self._pending,
            "ready": self.ready,
            "arrived": self.arrived,
            "failed": self.failed.total(),
            "dropped": self.dropped.total(),
            "events": self.events,
            "last_ready": self.last_ready,
            "last_event": self.last_event,
            "latencies": {
                name: (found.percentile(0.5), found.percentile(0.99)) for name, found in self.latencies.items()
            }
            if percentiles
            else {},
        }

    def report(self, sent: dict[bytes, Sent]) -> dict[str, Any]:
        """What became of it all."""
        self.fold()
        verdicts = Verdicts()
        for client in self.clients:
            verdicts.add(client.verdicts(sent))
        return {
            "verdicts": verdicts,
            "failed": self.failed,
            "dropped": self.dropped,
            "errors": self.errors,
            "arrived": self.arrived,
            "ready": self.ready,
            "events": self.events,
            "last_ready": self.last_ready,
            "last_event": self.last_event,
            "times": {name: found.to_dict() for name, found in self.times.items()},
            "latencies": {name: found.to_dict() for name, found in self.latencies.items()},
            "timeline": self.timeline,
            "notes": self.notes,
        }


def _load(kind: str) -> type[Client]:
    module, _, name = kind.partition(":")
    found: type[Client] = getattr(importlib.import_module(module), name)
    return found
