"""One run: connect, publish at a steady rate, wait for the stragglers, count."""

from __future__ import annotations

import selectors
import time
from typing import Any, NamedTuple

from .histogram import Histogram
from .publisher import Publisher
from .subscriber import Subscriber

__all__ = ["Load", "run_load"]

# How many handshakes may be under way at once: within any listen backlog.
_OPENING = 64
_SUBSCRIBE_TIMEOUT = 30.0
# After the last event: how long without a delivery means that nothing more will come.
_SILENCE = 3.0


class Load(NamedTuple):
    """What to do to which server."""

    address: tuple[str, int]
    app_id: str
    key: str
    secret: str
    connections: int
    channels: int
    rate: float
    duration: float
    size: int


class _Run:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._selector = selectors.DefaultSelector()
        self.latency = Histogram()
        self.answers = Histogram()
        self.subscribers: list[Subscriber] = []
        self.publisher: Publisher | None = None
        self.expected = 0
        self.last_delivery = 0.0

    def _delivered(self, sent: int) -> None:
        self.latency.add((time.perf_counter_ns() - sent) / 1e9)

    def _turn(self, timeout: float) -> None:
        before = self.latency.count
        for key, _ in self._selector.select(timeout):
            peer = key.fileobj
            if isinstance(peer, Subscriber):
                peer.readable()
                if peer.closed is not None:
                    self._selector.unregister(peer)
            elif isinstance(peer, Publisher) and (took := peer.readable()) is not None:
                self.answers.add(took)
        if self.latency.count != before:
            self.last_delivery = time.monotonic()

    def subscribe(self) -> float:
        """All sockets connected and subscribed; the seconds it took."""
        began = time.monotonic()
        opening: list[Subscriber] = []
        while len(self.subscribers) < self._load.connections or opening:
            while len(self.subscribers) < self._load.connections and len(opening) < _OPENING:
                channel = f"bench-{len(self.subscribers) % self._load.channels}"
                peer = Subscriber(self._load.address, self._load.key, channel, self._delivered)
                self._selector.register(peer, selectors.EVENT_READ)
                self.subscribers.append(peer)
                opening.append(peer)
            self._turn(0.1)
            if broken := next((peer.closed for peer in opening if peer.closed), None):
                raise ConnectionError(f"a subscriber was refused: {broken}")
            opening = [peer for peer in opening if not peer.subscribed]
            if time.monotonic() - began > _SUBSCRIBE_TIMEOUT + self._load.connections / 200:
                raise ConnectionError(f"{len(opening)} of {self._load.connections} subscribers never got in")
        return time.monotonic() - began

    def publish(self) -> Publisher:
        """Publishes on schedule; a server that answers late is asked late, never twice at once."""
        load = self._load
        publisher = self.publisher = Publisher(load.address, load.app_id, load.key, load.secret)
        self._selector.register(publisher, selectors.EVENT_READ)
        audience = [len(range(index, load.connections, load.channels)) for index in range(load.channels)]
        began = time.monotonic()
        number, total = 0, max(1, round(load.rate * load.duration))
        end = began + load.duration * 2 + 5
        while (number < total or not publisher.idle) and time.monotonic() < end:
            due = began + number / load.rate
            left = due - time.monotonic()
            if publisher.idle and number < total and left <= 0:
                publisher.publish(f"bench-{number % load.channels}", load.size)
                self.expected += audience[number % load.channels]
                number += 1
            self._turn(max(0.0, left) if publisher.idle and number < total else 0.1)
        return publisher

    def settle(self) -> None:
        """Waits for the deliveries still under way."""
        self.last_delivery = max(self.last_delivery, time.monotonic())
        while self.latency.count < self.expected and time.monotonic() - self.last_delivery < _SILENCE:
            self._turn(0.1)

    def close(self) -> None:
        for peer in self.subscribers:
            peer.socket.close()
        if self.publisher is not None:
            self.publisher.socket.close()
        self._selector.close()


def run_load(load: Load) -> dict[str, Any]:
    """The report of one run. Raises OSError when the server cannot be reached or refuses the sockets."""
    run = _Run(load)
    try:
        connecting = run.subscribe()
        began = time.monotonic()
        publisher = run.publish()
        run.settle()
        took = max(run.last_delivery - began, 1e-9)
        dropped = [peer.closed for peer in run.subscribers if peer.closed is not None]
        return {
            "connections": load.connections,
            "channels": load.channels,
            "connect_seconds": round(connecting, 3),
            "published": publisher.accepted,
            "refused": publisher.refused,
            "refusal": publisher.refusal,
            "answer_ms": run.answers.summary(),
            "expected": run.expected,
            "delivered": run.latency.count,
            "lost": run.expected - run.latency.count,
            "deliveries_per_second": round(run.latency.count / took, 1),
            "latency_ms": run.latency.summary(),
            "disconnected": len(dropped),
            "disconnect_reason": dropped[0] if dropped else None,
        }
    finally:
        run.close()
