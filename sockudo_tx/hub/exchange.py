"""Where the links of all workers meet: who gets which frame, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..backends.hub import wire
from ..backends.hub.wire import Welcome
from ..backends.memory.authority import MemoryAuthority
from ..engine.cluster.topics import CONTROL, channel_topic, user_topic
from ..interfaces import Answer, ChannelCounts, Dues, IWebhookQueue, Lease, PresenceChange, UserChange
from ..protocol.bus_frames import Control, encode, presence_frame, user_change_frame
from .services import shared_methods, typed
from .shared_queue import SharedQueue
from .station import Station

__all__ = ["GATHER_WITHIN", "Exchange"]

GATHER_WITHIN = 1.0
"""Seconds that a worker has for its part of an answer."""
_SLICE = 50
"""Facts, or topics, of a worker that has gone that are removed in one go: the others wait for it."""
_LISTED = 1000
"""Channels whose counts are told in one go."""
_NOBODY: tuple[Station, ...] = ()


def _unheard(station: Station, counted: bytes) -> None: ...


class Exchange:
    """One for all stations. `services` has "cache", "limiter" and "queue", as far as the workers use the hub's.

    What the authority publishes is sent in the same step. `soon` runs a function before the reactor sleeps again.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        services: Mapping[str, object],
        authority: MemoryAuthority,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._soon = (lambda function: clock.callLater(0, function)) if soon is None else soon
        self._reading = False
        self._behind: list[Callable[[], None]] = []
        self.authority = authority
        self.stations: list[Station] = []
        """Those that have said who they are, in order of arrival."""
        self.relayed = 0
        """Frames that came from workers since the start."""
        self.delivered = 0
        """Frames that went to workers."""
        self.reaped = 0
        """Workers whose facts were taken back."""
        self.last_words: Callable[[Station, bytes], None] = _unheard
        """Takes what a worker that is about to end has counted."""
        self._clock = clock
        self._queue = SharedQueue(IWebhookQueue(services["queue"])) if "queue" in services else None
        self._shared = shared_methods({**services, "authority": authority})
        self._routes: dict[bytes, tuple[Station, ...]] = {}
        self._gathering: dict[str, list[Deferred[list[bytes]]]] = {}
        """Who waits for the answers to a question."""
        authority.listen(self)

    def tables(self) -> dict[str, int]:
        """Entries per table, for tests and the console."""
        claims = self._queue.claims if self._queue is not None else 0
        return {
            "hub.stations": len(self.stations),
            "hub.topics": len(self._routes),
            "hub.claims": claims,
            "hub.questions": sum(station.questions for station in self.stations),
        }

    def gather(self, what: str) -> Deferred[list[bytes]]:
        """The answers of all workers that serve and give one within a second.

        Who asks while somebody waits gets the same: each worker is asked once, however often strangers want to know.
        """
        answers: Deferred[list[bytes]] = Deferred()
        waiting = self._gathering.setdefault(what, [])
        waiting.append(answers)
        if len(waiting) == 1:
            asked = [s.ask(what).addTimeout(GATHER_WITHIN, self._clock) for s in self.stations if s.is_ready]
            DeferredList(asked, consumeErrors=True).addCallback(self._gathered, what)  # type: ignore[unused-awaitable]
        return answers

    def _gathered(self, results: Iterable[tuple[bool, bytes]], what: str) -> None:
        answers = [answer for ok, answer in results if ok]
        for waiting in self._gathering.pop(what):
            waiting.callback(answers)

    def publish(self, topic: str, frame: bytes) -> None:
        """To every worker that has subscribed."""
        stations = self._routes.get(topic.encode(), _NOBODY)
        if stations:
            data = wire.frame_message(topic, frame)
            for station in stations:
                station.send(data)
            self.delivered += len(stations)

    # What the authority publishes

    def presence_changed(self, change: PresenceChange) -> None:
        topic = channel_topic(change.app_id, change.channel)
        if topic.encode() in self._routes:
            self.publish(topic, presence_frame(*change))

    def user_changed(self, change: UserChange) -> None:
        topic = user_topic(change.app_id, change.user_id)
        if topic.encode() in self._routes:
            self.publish(topic, user_change_frame(*change))

    # For stations

    def soon(self, function: Callable[[], None]) -> None:
        """Run this behind everything that a worker said at once; without a worker, at the end of the turn.

        At the end of the turn it would be as well done, and an idle hub would turn twice for each frame.
        """
        if self._reading:
            self._behind.append(function)
        else:
            self._soon(function)

    def read(self, take: Callable[[bytes], None], data: bytes) -> None:
        """Have a station take what came."""
        self._reading = True
        try:
            take(data)
        finally:
            self._reading = False
            behind, self._behind = self._behind, []
            for function in behind:
                try:
                    function()
                except Exception:  # noqa: BLE001  # one station's trouble must not silence the others
                    self._log.failure("a station cannot send")

    def join(self, station: Station) -> dict[str, Callable[..., Any]]:
        """A worker has said who it is; what it may call."""
        self.stations.append(station)
        station.nodes.append(station.node)

        def lease(node: str, ttl: float) -> Lease:
            if node not in station.nodes:  # it was taken for dead: under its new id too it leaves what it leaves
                station.nodes.append(node)
            return self.authority.lease(node, ttl)

        def due(most: int, final: bool) -> Dues:
            dues = self.authority.due(most, final)
            station.telling = [each for each in dues.found if each.name == "subscription_count"]
            return dues

        def subscribe(topic: str) -> None:
            self._subscribe(station, topic.encode())

        def unsubscribe(topic: str) -> None:
            self._unsubscribe(station, topic.encode())

        def last(counted: bytes) -> None:
            self.last_words(station, counted)

        own: dict[str, Callable[..., Any]] = {
            "authority.lease": lease,
            "authority.due": due,
            "authority.channels": self.channels,
            "bus.subscribe": subscribe,
            "bus.unsubscribe": unsubscribe,
            "hub.gather": self.gather,
            "hub.here": lambda: None,
            "hub.totals": self.authority.totals,
            "hub.last": last,
        }
        of_queue = self._queue.methods(station) if self._queue is not None else {}
        return {**self._shared, **{name: typed(method) for name, method in own.items()}, **of_queue}

    def welcome(self) -> Welcome:
        return Welcome(self.authority.epoch, self._queue is not None and self._queue.durable)

    def relay(self, sender: Station, data: bytes) -> None:
        """A FRAME of this worker goes to the others that have subscribed, as it is."""
        self.relayed += 1
        for station in self._routes.get(wire.topic_of(data), _NOBODY):
            if station is not sender:
                station.send(data)
                self.delivered += 1

    def channels(self, app_id: str, prefix: str) -> Answer[dict[str, ChannelCounts]]:
        """`IAuthority.channels`; a hundred thousand of them by and by, or everybody would wait for 0.1 s [measured]."""
        names = self.authority.names(app_id, prefix)
        if len(names) <= _LISTED:
            return self.authority.channels(app_id, prefix)
        listed: Deferred[dict[str, ChannelCounts]] = Deferred()
        self._work(self._list(app_id, names, listed))
        return listed

    def _list(self, app_id: str, names: list[str], listed: Deferred[dict[str, ChannelCounts]]) -> Iterator[None]:
        found: dict[str, ChannelCounts] = {}
        for begin in range(0, len(names), _LISTED):
            for name in names[begin : begin + _LISTED]:
                counts = self.authority.counts(app_id, name)
                if counts.subscriptions:  # else it was vacated meanwhile
                    found[name] = counts
            yield
        listed.callback(found)

    def elect(self) -> None:
        """Somebody else may be who delivers webhooks."""
        if self._queue is not None:
            self._queue.elect(self.stations)

    def leave(self, station: Station) -> None:
        """A worker has gone: everything it had is given back, its facts as if taken back one by one."""
        if station not in self.stations:
            return
        self.stations.remove(station)
        if self._queue is not None:
            self._queue.elect(self.stations)
            self._queue.give_back(station)
        if not station.left:
            self.authority.untold(station.telling)
        self._work(self._bury(station))

    def _subscribe(self, station: Station, topic: bytes) -> None:
        if topic not in station.topics:
            station.topics.add(topic)
            self._routes[topic] = (*self._routes.get(topic, _NOBODY), station)

    def _unsubscribe(self, station: Station, topic: bytes) -> None:
        if topic in station.topics:
            station.topics.discard(topic)
            self._close_route(station, topic)

    def _close_route(self, station: Station, topic: bytes) -> None:
        left = tuple(each for each in self._routes[topic] if each is not station)
        if left:
            self._routes[topic] = left
        else:
            del self._routes[topic]

    def _bury(self, station: Station) -> Iterator[None]:
        for node in station.nodes:
            while self.authority.reap(node, _SLICE):
                yield
            self._tell_gone(node)
        while station.topics:
            yield
            for _ in range(min(_SLICE, len(station.topics))):
                self._close_route(station, station.topics.pop())

    def _tell_gone(self, node: str) -> None:
        self.reaped += 1
        self.publish(CONTROL, encode(Control(node="hub", op="gone", about=node)))

    def _work(self, steps: Iterator[None]) -> None:
        """A step a turn, the first one now."""
        if next(steps, self) is not self:
            self._soon(lambda: self._work(steps))
