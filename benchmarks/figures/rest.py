"""A signed `POST /events` with one subscriber, beside a bare twisted.web resource that answers `{}`."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from itertools import count

from ..harness.client import connect_wave, events, post, read_answer
from ..harness.figure import Figure, Plan, Reading, at_least, reading
from ..harness.process import Child, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_IN_FLIGHT = 8
_ROUNDS = 20
_FRAME = 251
_serial = count()


class _Publisher:
    """So many keep-alive connections with one request each under way, and perhaps a subscriber."""

    def __init__(self, subject: Child, in_flight: int, subscriber: socket.socket | None) -> None:
        self._subject = subject
        self._subscriber = subscriber
        self._peers = [socket.create_connection(("127.0.0.1", subject.port), timeout=20) for _ in range(in_flight)]
        for peer in self._peers:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def window(self) -> float:
        """Microseconds of CPU per request."""
        rounds = max(_ROUNDS, 80 // len(self._peers))
        bodies = [events("bench-0", [f"{next(_serial):0200d}"]) for _ in range(rounds * len(self._peers))]
        requests = iter([post(self._subject.port, "/events", body) for body in bodies])
        began = self._subject.settled()
        for _ in range(rounds):
            for peer in self._peers:
                peer.sendall(next(requests))
            for peer in self._peers:
                read_answer(peer)
            if self._subscriber is not None:
                _read(self._subscriber, _FRAME * len(self._peers))
        return (self._subject.settled() - began) / 1000 / len(bodies)


def _read(peer: socket.socket, size: int) -> None:
    while size:
        heard = len(peer.recv(size))
        if not heard:
            raise ConnectionError("the subscriber was cut off")
        size -= heard


def _take(plan: Plan) -> Sequence[Reading]:
    with Child("server", python("server")) as ours, Child("twisted.web", python("web_bare")) as bare:
        subscriber = connect_wave(ours.port, 1, "pusher", "bench-0")[0]
        sides: dict[str, Callable[[], float]] = {}
        for in_flight in (_IN_FLIGHT, 1):
            sides[f"ours {in_flight}"] = _Publisher(ours, in_flight, subscriber).window
            sides[f"bare {in_flight}"] = _Publisher(bare, in_flight, None).window
        found = interleave(sides, plan.seconds(16), plan.tell, warm=4)
    many = ratio(found[f"ours {_IN_FLIGHT}"], found[f"bare {_IN_FLIGHT}"], inverse=True)
    single = ratio(found["ours 1"], found["bare 1"], inverse=True)
    return (
        reading(
            "rest",
            f"signed POST /events, {_IN_FLIGHT} in flight: requests per CPU second ÷ bare twisted.web",
            many,
            at_least(0.8, 1.0),
            "µs a request",
            theirs="twisted.web",
        ),
        reading(
            "rest-single",
            "the same, one at a time",
            single,
            at_least(0.8, 1.0),
            "µs a request",
            theirs="twisted.web",
        ),
    )


FIGURE = Figure("rest", "signed POST /events ÷ bare twisted.web `{}`", _take)
