"""Publishes over the REST API on a schedule, with several requests under way at once."""

from __future__ import annotations

import heapq
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import plans
from .answers import AnswerError, read_answer
from .audit import Sent
from .histogram import Histogram
from .payload import Marker
from .rest import refusal, signed_post
from .schedule import Moment
from .wire import Dialer, Wire

__all__ = ["Publisher"]

# How far ahead a request is signed: while the timestamp in it is as good as new.
_AHEAD = 30_000_000_000
_REDIAL = 100_000_000


class _Request(NamedTuple):
    """A signed request for events of one lane."""

    due: int
    first: int
    channels: list[int]
    """One channel number for each event."""
    data: bytes


class _Lane(Wire):
    """One keep-alive connection with at most one request on it. A lane's events are one stream for each channel."""

    __slots__ = ("_buffer", "_owner", "asked", "number", "request")

    def __init__(self, dialer: Dialer, owner: Publisher, number: int) -> None:
        super().__init__(dialer)
        self._owner = owner
        self._buffer = b""
        self.number = number
        self.request: _Request | None = None
        self.asked = 0
        """When it last became free."""

    def connected(self) -> None:
        self._owner.freed(self)

    def received(self, data: bytes) -> None:
        self._buffer += data
        try:
            found = read_answer(self._buffer)
        except AnswerError as error:
            self.close()
            self.lost(str(error))
            return
        if found is None:
            return
        answer, self._buffer = found
        self._owner.answered(self, answer.status, answer.body)
        if answer.closes:
            self.close()
            self._owner.broke(self, None)
        else:
            self._owner.freed(self)

    def lost(self, reason: str) -> None:
        self._buffer = b""
        self._owner.broke(self, reason)


class Publisher:
    """A source of events. Each goes out when it is due if one of the lanes is free, else as soon as one is."""

    def __init__(
        self, dialer: Dialer, plan: plans.Source, marker: Marker, windows: list[plans.Window], share: int, shares: int
    ) -> None:
        self._dialer = dialer
        self._plan = plan
        self.marker = marker
        self._windows = windows
        self._moments: Iterator[Moment] = iter(plan.schedule.divided(share, shares))
        self._next: Moment | None = None
        self._sender = plan.sender + share * plan.in_flight  # lanes are senders: each has serials of its own
        self._waiting: deque[tuple[int, int, int]] = deque()
        """Due, first event, events: what is due and has no lane yet."""
        self._free: list[int] = []
        self._ready: dict[int, tuple[int, _Request]] = {}
        """By its first event, the lane a request will probably go to and the request, signed while there was time."""
        self._busy = 0
        self._number = 0
        self._over = False
        self.sent: dict[bytes, Sent] = {}
        self.accepted: dict[str, Counter[int]] = {}
        self.refused: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        """Why connections could not be made."""
        self.times: dict[str, Histogram] = {}
        self.lag = Histogram()
        self.own_lag = Histogram()
        self.requests = 0
        self.events = 0
        self.first = self.last = 0
        self._lanes = [_Lane(dialer, self, number) for number in range(plan.in_flight)]

    def begin(self) -> None:
        """Connects, and sets the first timer."""
        for lane in self._lanes:
            lane.dial(lane.number)
        if self._plan.flat_out:
            self._dialer.loop.at(self._plan.start, self._pump)
        else:
            self._arm()

    def halt(self) -> None:
        """Nothing more is sent; what is under way is still waited for."""
        self._moments = iter(())
        self._next = None
        self._waiting.clear()
        self._over = True

    # ------------------------------------------------------------------------------------------------- the schedule

    def _arm(self) -> None:
        self._next = next(self._moments, None)
        if self._next is None:
            self._over = True
        else:
            self._dialer.loop.at(self._plan.start + self._next.offset, self._due)

    def _due(self) -> None:
        moment = self._next
        if moment is None:
            return
        due, batch = self._plan.start + moment.offset, self._plan.batch
        for first in range(moment.first, moment.first + moment.events, batch):
            self._waiting.append((due, first, min(batch, moment.first + moment.events - first)))
        self._arm()
        self._pump()
        self._prepare()

    def _pump(self) -> None:
        if self._plan.flat_out:
            self._flat_out()
        while self._waiting and self._free:
            self._post(self._lanes[heapq.heappop(self._free)], *self._waiting.popleft())

    def _flat_out(self) -> None:
        now, batch = time.monotonic_ns(), self._plan.batch
        if self._over or now < self._plan.start:
            return
        if now >= self._plan.start + self._plan.schedule.seconds * 1e9:
            self._over = True
            return
        for _ in range(len(self._free) - len(self._waiting)):
            self._waiting.append((now, self._number, batch))
            self._number += batch

    # ------------------------------------------------------------------------------------------------------ sending

    def _post(self, lane: _Lane, due: int, first: int, events: int) -> None:
        ready = self._ready.pop(first, None)
        if ready is not None and ready[0] == lane.number:
            made = ready[1]
        else:
            made = self._sign(lane.number, due, first, events)
        self._stale(lane.number)
        for channel in made.channels:
            self.sent.setdefault(self.marker.stream(channel, self._sender + lane.number), Sent()).count += 1
        lane.request = made
        self._busy += 1
        now = time.monotonic_ns()
        self.lag.add_ns(now - due)
        self.own_lag.add_ns(now - max(due, lane.asked))
        self.first = self.first or now
        lane.send(made.data)

    def _stale(self, lane: int) -> None:
        """What was signed for a lane has wrong serials once something else went out on it."""
        for first in [first for first, ready in self._ready.items() if ready[0] == lane]:
            del self._ready[first]

    def _prepare(self) -> None:
        """Signs the requests of the next moment while there is nothing else to do, each for the lane it will get."""
        moment = self._next
        if self._ready or moment is None or self._waiting:
            return
        due, batch, last = self._plan.start + moment.offset, self._plan.batch, moment.first + moment.events
        if due > time.monotonic_ns() + _AHEAD:
            return
        for lane, first in zip(sorted(self._free), range(moment.first, last, batch), strict=False):
            self._ready[first] = lane, self._sign(lane, due, first, min(batch, last - first))

    def event(self, channel: int, stream: bytes, serial: int, due: int) -> tuple[str, str]:
        """An event's channel and its other members as JSON; for kinds to override."""
        data = self.marker.data(stream, serial, due, self._plan.size)
        return self._plan.channels[channel], f'"name":"{self._plan.event}","data":"{data}"'

    def _sign(self, lane: int, due: int, first: int, events: int) -> _Request:
        plan, marker, total = self._plan, self.marker, len(self._plan.channels)
        channels = [number % total for number in range(first, first + events)]
        ahead: Counter[int] = Counter()
        bodies = []
        for channel in channels:
            stream = marker.stream(channel, self._sender + lane)
            known = self.sent.get(stream)
            name, members = self.event(channel, stream, (known.count if known else 0) + ahead[channel], due)
            ahead[channel] += 1
            where = f'"channels":["{name}"]' if plan.batch == 1 else f'"channel":"{name}"'
            bodies.append(f"{{{where},{members}}}")
        app = self._dialer.target.app_id
        if plan.batch == 1:
            text = signed_post(self._dialer.target, f"/apps/{app}/events", bodies[0].encode())
        else:
            body = f'{{"batch":[{",".join(bodies)}]}}'.encode()
            text = signed_post(self._dialer.target, f"/apps/{app}/batch_events", body)
        return _Request(due, first, channels, text)

    # ------------------------------------------------------------------------------------------------------ answers

    def answered(self, lane: _Lane, status: int, body: bytes) -> None:
        """The server's word on a lane's request."""
        made = lane.request
        if made is None:
            return
        self.last = time.monotonic_ns()
        window = next((each.name for each in self._windows if each.start <= made.due < each.end), "")
        if status == 200:
            counts = self.accepted.setdefault(window, Counter())
            counts.update(made.channels)
            self.requests += 1
            self.events += len(made.channels)
            histogram = self.times.get(window)
            if histogram is None:
                histogram = self.times[window] = Histogram()
            histogram.add_ns(self.last - made.due)
            lane.request = None
            self._busy -= 1
        else:
            self._refuse(lane, refusal(status, body))

    def _refuse(self, lane: _Lane, reason: str) -> None:
        made = lane.request
        if made is None:
            return
        self.refused[reason] += len(made.channels)
        for channel, events in Counter(made.channels).items():
            stream = self.sent[self.marker.stream(channel, self._sender + lane.number)]
            stream.refused.update(range(stream.count - events, stream.count))
        lane.request = None
        self._busy -= 1

    def freed(self, lane: _Lane) -> None:
        """A lane can take a request."""
        lane.asked = time.monotonic_ns()
        heapq.heappush(self._free, lane.number)
        self._pump()
        if not self._waiting:
            self._prepare()

    def broke(self, lane: _Lane, reason: str | None) -> None:
        """A lane's connection ended; it is made anew. Whether its request was carried out is not known."""
        if lane.request is not None:
            self._refuse(lane, f"no answer: {reason}")
        elif reason is not None and lane.number not in self._free:
            self.broken[reason] += 1
        if lane.number in self._free:  # any server hangs up on a connection that has been idle for long
            self._free.remove(lane.number)
            heapq.heapify(self._free)
        if reason is not None and self._over:
            return
        self._dialer.loop.at(time.monotonic_ns() + (_REDIAL if reason else 0), lambda: lane.dial(lane.number))

    # ------------------------------------------------------------------------------------------------- what is told

    def status(self) -> dict[str, Any]:
        """How it stands, while it runs."""
        return {
            "done": self._over and not self._busy and not self._waiting,
            "waiting": len(self._waiting),
            "events": self.events,
            "refused": self.refused.total(),
        }

    def report(self) -> dict[str, Any]:
        """What was sent and what the server said. What it has not answered by now counts as refused."""
        for lane in self._lanes:
            lane.close()
            self._refuse(lane, "no answer until the end")
        return {
            "sent": self.sent,
            "accepted": self.accepted,
            "refused": self.refused,
            "broken": self.broken,
            "requests": self.requests,
            "events": self.events,
            "first": self.first,
            "last": self.last,
            "times": {name: found.to_dict() for name, found in self.times.items()},
            "lag": self.lag.to_dict(),
            "own_lag": self.own_lag.to_dict(),
        }
