"""The endpoints that are known, and how the attempts in flight are shared among them.

What a slow endpoint takes from others is not work but places: an attempt that nobody answers holds one for ten seconds.
So a place is easy to have for whoever answers soon, and scarce for whoever does not.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from ...interfaces import WebhookJob
from .breaker import Breaker
from .lane import Lane

__all__ = ["AGAIN_AT_MOST", "ALL_AT_MOST", "EACH_AT_MOST", "SOON", "Endpoint", "Endpoints", "Flight", "Kind"]

EACH_AT_MOST = 4
"""Attempts in flight for one endpoint."""
AGAIN_AT_MOST = 2
"""Of those, attempts of deliveries that failed before: what is always refused leaves room for what is not."""
ALL_AT_MOST = 256
"""Attempts in flight in all."""
SOON = 1.0
"""Seconds within which an endpoint answers that holds nobody up."""
_SECOND_AT_MOST = 192
"""With so many in flight there is no second one for any endpoint: the last places are for whoever has none."""
_DOUBTFUL_AT_MOST = 192
"""For endpoints that are slow, and those never asked; the rest is for those that answer."""
_SLOW_AT_MOST = 128
"""For endpoints that are slow: a new one finds room beside them."""
_DOUBTFUL_SECOND_AT_MOST = 96
"""With so many of these, one each."""
_KNOWN_AT_MOST = 10_000
"""Endpoints with nothing to do of which is remembered how they did; as many may have something to do."""


class Kind(IntEnum):
    """How soon an endpoint answers; who waits for room is served in this order."""

    PROMPT = 0
    NEW = 1
    """It has never answered, nor failed to."""
    SLOW = 2


class Endpoint:
    """One address: what is under way to it, and how it has been doing."""

    __slots__ = (
        "address",
        "again",
        "breaker",
        "counted",
        "failed",
        "flying",
        "fresh",
        "hanging",
        "prompt",
        "repeats",
        "starting",
        "streak",
        "waiting",
    )

    def __init__(self, address: str, busy: set[str], tired: set[str]) -> None:
        self.address = address
        self.breaker = Breaker()
        self.fresh = Lane(busy)
        """Deliveries never attempted."""
        self.again = Lane(tired)
        """Those that failed before."""
        self.failed = 0.0
        """When the last attempt failed."""
        self.flying = 0
        self.repeats = 0
        """Of those that fly, how many are not first attempts."""
        self.hanging = 0
        """Of those that fly, how many have for longer than `SOON`."""
        self.starting = False
        """Attempts are being started, one of which may be over at once."""
        self.streak = 0
        """First attempts since the last that was none."""
        self.prompt: bool | None = None
        """Whether the last attempt succeeded, or failed soon; None before any."""
        self.counted = Kind.NEW
        """The kind as which its flights are counted."""
        self.waiting: Kind | None = None
        """Among which kind it waits for room."""

    @property
    def kind(self) -> Kind:
        if self.hanging:
            return Kind.SLOW
        if self.prompt is None:
            return Kind.NEW
        return Kind.PROMPT if self.prompt else Kind.SLOW

    @property
    def most(self) -> int:
        """Attempts at a time."""
        return 1 if self.breaker.tripped else EACH_AT_MOST

    @property
    def used(self) -> bool:
        return bool(self.flying or self.fresh or self.again)


class Flight:
    """An attempt that is under way."""

    __slots__ = ("endpoint", "first", "hangs", "job", "landed", "since")

    def __init__(self, job: WebhookJob, endpoint: Endpoint, since: float) -> None:
        self.job = job
        self.endpoint = endpoint
        self.since = since
        self.first = not job.attempt
        self.hangs = self.landed = False


class Endpoints:
    """Every step takes the same time, however many endpoints there are."""

    def __init__(self) -> None:
        self.busy: set[str] = set()
        """Hooks of which enough deliveries wait here for their first attempt."""
        self.tired: set[str] = set()
        """Hooks of which enough wait here for another attempt."""
        self.flying = 0
        self._of = [0, 0, 0]
        """In flight, by kind of endpoint."""
        self._used: dict[str, Endpoint] = {}
        self._known: dict[str, Endpoint] = {}
        self._young: deque[Flight] = deque()
        """In flight for less than `SOON`, as far as we have looked, the oldest first."""
        self._waiting: tuple[deque[Endpoint], ...] = (deque(), deque(), deque())

    @property
    def full(self) -> bool:
        """Whether no endpoint can be added."""
        return len(self._used) >= _KNOWN_AT_MOST

    def all_used(self) -> list[Endpoint]:
        """Those with something to do."""
        return list(self._used.values())

    def get(self, address: str) -> Endpoint:
        """The endpoint; the caller gives it something to do."""
        found = self._used.get(address)
        if found is None:
            found = self._known.pop(address, None) or Endpoint(address, self.busy, self.tired)
            self._used[address] = found
        return found

    def rest(self, endpoint: Endpoint) -> None:
        """It may have nothing to do any more: remember only how it did."""
        if not endpoint.used and self._used.get(endpoint.address) is endpoint:
            del self._used[endpoint.address]
            self._known[endpoint.address] = endpoint
            if len(self._known) > _KNOWN_AT_MOST:
                del self._known[next(iter(self._known))]

    def room(self, endpoint: Endpoint) -> bool:
        """Whether one more may fly there, as far as all others are concerned."""
        slow, doubtful = self._of[Kind.SLOW], self._of[Kind.SLOW] + self._of[Kind.NEW]
        second = endpoint.flying > 0
        kind = endpoint.kind
        if kind is Kind.PROMPT:
            return self.flying < (_SECOND_AT_MOST if second else ALL_AT_MOST)
        if self.flying >= ALL_AT_MOST or doubtful >= (_DOUBTFUL_SECOND_AT_MOST if second else _DOUBTFUL_AT_MOST):
            return False
        return kind is Kind.NEW or slow < _SLOW_AT_MOST

    def wait(self, endpoint: Endpoint) -> None:
        """There is no room: `roomy` tells. One that has something in flight need not: it is asked when that lands."""
        if not endpoint.flying and endpoint.waiting is not endpoint.kind:
            endpoint.waiting = endpoint.kind
            self._waiting[endpoint.kind].append(endpoint)

    def roomy(self) -> Endpoint | None:
        """One that waited, and for which there is room now."""
        for kind, line in zip(Kind, self._waiting, strict=True):
            while line:
                endpoint = line[0]
                if endpoint.waiting is kind is endpoint.kind and not endpoint.flying and not self.room(endpoint):
                    break
                line.popleft()
                if endpoint.waiting is kind:
                    endpoint.waiting = None
                    return endpoint
        return None

    def begin(self, job: WebhookJob, endpoint: Endpoint, now: float) -> Flight:
        """The attempt is in flight."""
        flight = Flight(job, endpoint, now)
        endpoint.flying += 1
        endpoint.repeats += not flight.first
        endpoint.streak = endpoint.streak + 1 if flight.first else 0
        self.flying += 1
        self._of[endpoint.counted] += 1
        self._young.append(flight)
        return flight

    def end(self, flight: Flight) -> None:
        """It is over; what was learnt is in the endpoint already."""
        endpoint = flight.endpoint
        flight.landed = True
        endpoint.flying -= 1
        endpoint.repeats -= not flight.first
        endpoint.hanging -= flight.hangs
        self.flying -= 1
        self._of[endpoint.counted] -= 1
        self._count(endpoint)

    def look(self, now: float) -> None:
        """See which attempts hang by now."""
        young = self._young
        while young and (young[0].landed or young[0].since + SOON <= now):
            flight = young.popleft()
            if not flight.landed:
                flight.hangs = True
                flight.endpoint.hanging += 1
                self._count(flight.endpoint)

    def _count(self, endpoint: Endpoint) -> None:
        kind = endpoint.kind
        if kind is not endpoint.counted:
            self._of[endpoint.counted] -= endpoint.flying
            self._of[kind] += endpoint.flying
            endpoint.counted = kind
