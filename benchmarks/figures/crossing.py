"""How much later an event reaches a subscriber on another worker than one on the worker that took it."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Sequence

from ..harness.client import connect_wave, events, post, read_answer
from ..harness.figure import Figure, Plan, Reading, at_most
from ..harness.stats import quantile
from ..harness.whole import WholeServer, owner

__all__ = ["FIGURE"]

_REST = 0.01
"""Seconds without traffic before each event."""
_TRIES = 200
_FRAME = 251
_LATE = 5.0


class _Apart:
    """A publisher, a subscriber on the same worker, and one on another."""

    def __init__(self, server: WholeServer) -> None:
        self._port = server.port
        workers = server.pids[1:]
        self._publisher = socket.create_connection(("127.0.0.1", server.port))
        self._publisher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._publish()  # accepted by now
        home = owner(self._publisher, workers)
        self._near = self._subscriber(lambda pid: pid == home, workers)
        self._far = self._subscriber(lambda pid: pid != home, workers)
        self._selector = selectors.DefaultSelector()
        for peer in (self._near, self._far):
            self._selector.register(peer, selectors.EVENT_READ)
        self.near: list[float] = []
        self.far: list[float] = []
        """Milliseconds from the request."""

    def _subscriber(self, wanted: Callable[[int | None], bool], workers: list[int]) -> socket.socket:
        for _ in range(_TRIES):
            peer = connect_wave(self._port, 1, "pusher", "bench-0")[0]
            if wanted(owner(peer, workers)):
                return peer
            peer.close()
        raise ConnectionError("every connection came to the same worker")

    def _publish(self) -> None:
        self._publisher.sendall(post(self._port, "/events", events("bench-0", ["x" * 200])))
        read_answer(self._publisher)

    def once(self) -> None:
        request = post(self._port, "/events", events("bench-0", ["x" * 200]))
        time.sleep(_REST)
        seen = dict.fromkeys((self._near, self._far), 0)
        at: dict[socket.socket, float] = {}
        began = time.perf_counter()
        self._publisher.sendall(request)
        while min(seen.values()) < _FRAME:
            ready = self._selector.select(_LATE)
            now = time.perf_counter()
            if not ready:
                raise ConnectionError(f"an event has not arrived for {_LATE} s")
            for key, _ in ready:
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                seen[peer] += len(peer.recv(65536))
                at.setdefault(peer, now)
        read_answer(self._publisher)
        self.near.append((at[self._near] - began) * 1000)
        self.far.append((at[self._far] - began) * 1000)


def _take(plan: Plan) -> Sequence[Reading]:
    with WholeServer(2) as server:
        apart = _Apart(server)
        end = time.monotonic() + plan.seconds(12)
        while time.monotonic() < end:
            plan.tell(f"{len(apart.near)} events")
            apart.once()
    near, far = apart.near[20:], apart.far[20:]
    added = [other - same for same, other in zip(near, far, strict=True)]
    absolute = {
        "same worker, ms": quantile(near, 0.5),
        "other worker, ms": quantile(far, 0.5),
        "same worker p99, ms": quantile(near, 0.99),
        "other worker p99, ms": quantile(far, 0.99),
        "events": len(added),
    }
    low, high = quantile(added, 0.25), quantile(added, 0.75)
    title = "what an event takes longer to another worker of an idle server, median"
    return (
        Reading(
            "crossing", title, quantile(added, 0.5), at_most(0.5), low, high, "ms", absolute=absolute, compared=False
        ),
        Reading(
            "crossing-p99",
            "the same, 99th percentile",
            quantile(added, 0.99),
            at_most(3.0),
            unit="ms",
            compared=False,
        ),
    )


FIGURE = Figure("crossing", "an event to a subscriber on another worker, later than on the same", _take)
