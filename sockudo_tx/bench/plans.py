"""What the worker processes are told to do; plain values that travel over a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .schedule import Schedule

__all__ = ["Group", "Source", "Window"]


class Window(NamedTuple):
    """A stretch of the schedule whose events are counted together, by when they were due."""

    name: str
    start: int
    end: int
    """In nanoseconds of CLOCK_MONOTONIC; the end is not part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Clients of one kind, spread over all workers. Client `i` is in worker `i % workers`."""

    name: str
    count: int
    channels: tuple[str, ...] = ()
    """Client `i` subscribes to the channel `i % len(channels)`, and to as many more as `subscriptions` says."""
    subscriptions: int = 1
    kind: str = "sockudo_tx.bench.client:Client"
    """module:class of the client."""
    whole: bool = True
    """Whether they must get every event from the first one on."""
    at_once: int = 64
    """Connections that may be in the making at once, over all workers: within any server's listen backlog."""
    start: int = 0
    rate: float = 0.0
    """Connections a second on a fixed schedule from `start` on; 0 means as fast as `at_once` allows."""
    stay: float = 0.0
    """Seconds after which a client goes by itself; 0 means that it stays."""
    receive_buffer: int = 0
    """SO_RCVBUF; 0 leaves it to the kernel."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """For the kind."""

    def channels_of(self, number: int) -> tuple[int, ...]:
        """The numbers of one client's channels."""
        total = len(self.channels)
        return tuple((number + more) % total for more in range(min(self.subscriptions, total)))

    def audience(self) -> list[int]:
        """Subscribers of each channel."""
        found = [0] * len(self.channels)
        for number in range(self.count):
            for channel in self.channels_of(number):
                found[channel] += 1
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that sends events on a schedule."""

    name: str = "publisher"
    kind: str = "sockudo_tx.bench.publisher:Publisher"
    schedule: Schedule
    start: int
    flat_out: bool = False
    """Ignore the rate: as fast as the server answers, for the seconds of the schedule."""
    channels: tuple[str, ...]
    size: int
    in_flight: int = 8
    batch: int = 1
    event: str = "bench"
    sender: int = 0
    """The first number of its senders: a second source on the same channels needs streams of its own."""
    extra: Mapping[str, Any] = field(default_factory=dict)
