"""`client-events`: events from clients to the other subscribers of their private channels."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..audit import Sent, Verdicts
from ..capacity import CapacityError
from ..client import Client
from ..flow import Flow, lead
from ..group import Group as LocalGroup
from ..histogram import Histogram
from ..options import LOAD, PUBLISHING, whole
from ..payload import Marker
from ..plans import Group, Source, Window
from ..schedule import Moment, Schedule
from ..stage import Stage
from ..told import EVENTS, Told
from ..wire import Dialer
from .fanout import channels

__all__ = ["TAKES", "Senders", "Talker", "add_options", "play", "tells"]

TAKES = LOAD - PUBLISHING


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Who sends."""
    parser.add_argument(
        "--senders",
        type=whole(),
        default=1,
        metavar="N",
        help="clients of each channel that send (default %(default)s)",
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return EVENTS


def play(stage: Stage) -> None:
    """Subscribes all to private channels; the first clients of each send in turn."""
    options = stage.options
    stage.hire(options.connections)
    names = channels(options, "private-bench")
    senders = len(names) * options.senders
    if options.connections < len(names) * 2 or options.connections < senders:
        raise CapacityError(
            f"{options.connections} connections on {len(names)} channels with {options.senders} senders each: there "
            "must be a client for each sender, and at least two on each channel"
        )
    clients = Group(name="clients", count=options.connections, channels=names, kind=f"{__name__}:Talker")
    stage.open(clients)
    schedule = Schedule(
        rate=stage.finite_rate(),
        seconds=options.warmup + options.duration,
        poisson=options.arrivals == "poisson",
        seed=options.seed,
    )
    source = Source(
        name="senders",
        kind=f"{__name__}:Senders",
        schedule=schedule,
        start=lead(),
        channels=names,
        size=options.size,
        event="client-bench",
        extra={"group": "clients", "senders": senders},
    )
    Flow(stage, source, [clients], on_clients=True).run_and_tell()


class Talker(Client):
    """A client that is not owed its own events."""

    __slots__ = ()
    on_tape = False

    def verdicts(self, sent: dict[bytes, Sent]) -> Verdicts:
        own = b".%05d" % self.number
        return super().verdicts({stream: truth for stream, truth in sent.items() if not stream.endswith(own)})


class Senders:
    """The senders in this worker. Event `n` is sent by client `n % senders`, who is the sender of a stream."""

    def __init__(
        self, dialer: Dialer, plan: Source, marker: Marker, windows: list[Window], share: int, shares: int,
        group: LocalGroup,
    ) -> None:  # fmt: skip
        self._loop = dialer.loop
        self._plan = plan
        self._marker = marker
        self._windows = windows
        self._share, self._shares = share, shares
        self._group = group
        self._moments: Iterator[Moment] = iter(plan.schedule)
        self._next: Moment | None = None
        self._done = False
        self._events = 0
        self._sent: dict[bytes, Sent] = {}
        self._accepted: dict[str, Counter[int]] = {}
        self._lag = Histogram()

    def begin(self) -> None:
        self._arm()

    def halt(self) -> None:
        self._moments = iter(())
        self._next, self._done = None, True

    def _arm(self) -> None:
        senders = self._plan.extra["senders"]
        for moment in self._moments:
            if moment.first % senders % self._shares == self._share:
                self._next = moment
                self._loop.at(self._plan.start + moment.offset, self._due)
                return
        self._next, self._done = None, True

    def _due(self) -> None:
        moment = self._next
        if moment is None:
            return
        due = self._plan.start + moment.offset
        number = moment.first % self._plan.extra["senders"]
        channel = number % len(self._plan.channels)
        client = self._group.clients[number // self._shares]
        if client.opened:
            stream = self._marker.stream(channel, number)
            sent = self._sent.setdefault(stream, Sent())
            data = self._marker.data(stream, sent.count, due, self._plan.size)
            sent.count += 1
            client.say(f'{{"event":"{self._plan.event}","channel":"{self._plan.channels[channel]}","data":"{data}"}}')
            self._lag.add_ns(time.monotonic_ns() - due)
            window = next((each.name for each in self._windows if each.start <= due < each.end), "")
            self._accepted.setdefault(window, Counter())[channel] += 1
            self._events += 1
        self._arm()

    def status(self) -> dict[str, Any]:
        return {"done": self._done, "waiting": 0, "events": self._events, "refused": 0}

    def report(self) -> dict[str, Any]:
        return {
            "sent": self._sent,
            "accepted": self._accepted,
            "refused": Counter(),
            "broken": Counter(),
            "requests": 0,
            "events": self._events,
            "times": {},
            "lag": self._lag.to_dict(),
            "own_lag": self._lag.to_dict(),
        }
