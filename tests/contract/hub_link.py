"""Links between a hub and workers in one process, over real socket pairs."""

from __future__ import annotations

from collections.abc import Mapping
from socket import socketpair
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.backends.hub.pair import adopt
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.hub.exchange import Exchange
from sockudo_tx.hub.station import Station
from sockudo_tx.reactor import soon

__all__ = ["Group", "turns"]


def turns(reactor: Any, seconds: float = 0.0) -> Deferred[None]:
    """Let the reactor run for a moment."""
    passed: Deferred[None] = Deferred()
    reactor.callLater(seconds, passed.callback, None)
    return passed


class Group:
    """A hub with as many workers as are connected, all on this reactor; time is the clock's, except for the sockets."""

    def __init__(
        self,
        services: Mapping[str, object] | None = None,
        clock: IReactorTime | None = None,
        authority: MemoryAuthority | None = None,
    ) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.clock = clock or Clock()
        self.authority = authority or MemoryAuthority(self.clock)
        self.exchange = Exchange(self.clock, services or {}, self.authority, soon(self.reactor))
        self.links: list[HubLink] = []
        self.stations: list[Station] = []
        self.was_ready: list[Station] = []
        self.were_gone: list[Station] = []
        self.overflowed: list[Station] = []

    def connect(self, slot: int = 0, node: str = "") -> HubLink:
        """A worker's link; `welcomed` fires when the hub knows it. The station is the last of `stations`."""
        ours, theirs = socketpair()
        station = Station(self.exchange, slot, self)
        link = HubLink(slot, 1000 + slot, node or f"{len(self.links):016x}", self.clock, soon(self.reactor))
        adopt(self.reactor, ours, station)
        adopt(self.reactor, theirs, link)
        self.stations.append(station)
        self.links.append(link)
        return link

    async def welcomed(self, slot: int = 0, node: str = "", ready: bool = True) -> HubLink:
        """The same, known to the hub, and ready unless that is not wanted."""
        link = self.connect(slot, node)
        await link.welcomed
        if ready:
            link.ready()
        await link.call("hub", "gather", list[bytes], "nothing")
        return link

    async def close(self) -> None:
        """All links go."""
        for link in self.links:
            link.close()
        while any(link.alive for link in self.links) or any(station.alive for station in self.stations):
            await turns(self.reactor, 0.001)
        nodes = sum(len(station.nodes) for station in self.stations)
        while self.exchange.reaped < nodes or self.exchange.tables()["hub.topics"]:
            await turns(self.reactor, 0.001)
        await turns(self.reactor, 0.001)

    # What stations tell

    def ready(self, station: Station) -> None:
        self.was_ready.append(station)

    def leaving(self, station: Station) -> None: ...

    def gone(self, station: Station) -> None:
        self.were_gone.append(station)

    def overflowing(self, station: Station) -> None:
        self.overflowed.append(station)
