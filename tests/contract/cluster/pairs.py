"""Where the nodes of a test come from: one class for each pair of bus and authority.

A new driver is one class here, with the members of `Pair`, and one row in `PAIRS`. Everything else in this folder runs on it:
the faults stand between node and driver (`faults.py`), so that a pair need not know how to lose a frame.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from sockudo_tx.backends.hub.authority import HubAuthority
from sockudo_tx.backends.hub.bus import HubBus
from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.engine.cluster.steady import SteadyAuthority
from sockudo_tx.engine.cluster.topics import CONTROL
from sockudo_tx.hub.exchange import Exchange
from sockudo_tx.hub.station import Station
from sockudo_tx.interfaces import IAuthority, IBus, ICache
from sockudo_tx.protocol.bus_frames import Control, encode
from sockudo_tx.testing.memory_bus import Broker, Link, MemoryBus, linked

from .own_time import advance
from .socket_pair import Cable

__all__ = ["GRACE", "PAIRS", "Ends", "HubPair", "MemoryPair", "Pair", "SteadyPair"]

GRACE = 3.0
"""Seconds of grace every pair gives its authority."""


class Ends(NamedTuple):
    """What one node gets."""

    bus: IBus
    authority: IAuthority


class Pair(Protocol):
    """A bus and an authority that nodes share, empty when it is made. `seed` is for those that decide by chance."""

    clock: IReactorTime
    """The time everybody lives in: a `Clock`, or the reactor where the driver needs real time."""
    cache: ICache
    """What all nodes share besides."""
    buries: bool
    """Whether a node that lives can be taken for dead."""
    forgets: bool
    """Whether the authority can lose its state while the nodes live."""

    def __init__(self, seed: int) -> None: ...

    def connect(self, name: str) -> Ends:
        """A node's ends, before it says anything. `name` is its first node id."""

    def around(self, authority: IAuthority, clock: IReactorTime) -> IAuthority:
        """What a node puts around such an authority, such as a `SteadyAuthority`; or the same."""

    def gone(self, name: str, node: str) -> None:
        """Whoever got the ends of `name` is dead: the connection ends, or its lease is not renewed any more.

        `node` is its id now: one that was taken for dead goes on under another.
        """

    def bury(self, node: str) -> None:
        """Take the node for dead though it lives; only where the pair `buries`."""

    def forget(self) -> None:
        """The authority loses its state, and has another epoch; only where the pair `forgets`."""

    async def advance(self, seconds: float) -> None:
        """Let time pass."""

    async def settle(self) -> None:
        """Wait until what was sent has arrived, and what comes of it, at once or within a few seconds."""

    def left(self) -> dict[str, int]:
        """What is kept of channels, users and connections, by table; those of which nothing is are left out."""

    async def close(self) -> None:
        """Give everything back."""


class OnClock:
    """What pairs have in common that live on a test's clock, with the authority in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.rightNow = 1_000_000.0
        self.authority = MemoryAuthority(self.clock, GRACE)
        self.cache = MemoryCache(self.clock, ttl=3600)

    def around(self, authority: IAuthority, clock: IReactorTime) -> IAuthority:
        return authority

    async def advance(self, seconds: float) -> None:
        advance(self.clock, seconds)

    async def settle(self) -> None:
        await self.advance(2.0)

    def left(self) -> dict[str, int]:
        return {name: size for name, size in self.authority.tables().items() if size}

    async def close(self) -> None: ...


class MemoryPair(OnClock):
    """Broker and authority at the other end of a queue: an answer takes two turns, and time stands still meanwhile."""

    buries = forgets = True

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._broker = Broker()
        self.authority.listen(self._broker)
        self._buses: dict[str, MemoryBus] = {}

    def connect(self, name: str) -> Ends:
        link = Link(self.clock)
        self._buses[name] = MemoryBus(self._broker, link, len(self._buses))
        return Ends(self._buses[name], linked(IAuthority, self.authority, link))

    def gone(self, name: str, node: str) -> None:
        self._buses.pop(name).end()
        self.bury(node)

    def bury(self, node: str) -> None:
        remove(self.authority, node)
        self._broker.publish(CONTROL, encode(Control(node="broker", op="gone", about=node)))

    def forget(self) -> None:
        self.authority.__init__(self.clock, GRACE)  # type: ignore[misc]  # the same address, another state
        self.authority.listen(self._broker)

    def left(self) -> dict[str, int]:
        topics = [topic for topic in self._broker._subscribers if topic[0] in "cu"]
        return {**super().left(), **({"topics": len(topics)} if topics else {})}


def remove(authority: Any, node: str) -> None:
    """All facts of the node."""
    while authority.reap(node):
        pass


class SteadyPair(MemoryPair):
    """The same behind what keeps changes that are not told yet."""

    def around(self, authority: IAuthority, clock: IReactorTime) -> IAuthority:
        return IAuthority(SteadyAuthority(clock, authority))


class _Nobody:
    """Started no process, and needs no news of it."""

    def ready(self, station: Station) -> None: ...

    def gone(self, station: Station) -> None: ...

    def overflowing(self, station: Station) -> None: ...


class HubPair(OnClock):
    """The exchange of the hub and the links of its workers, over real sockets that are read between two moments.

    Whoever reads gets pieces of any size; the hub's end of a link notices a death as it does in a process.
    """

    buries = forgets = False

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._exchange = Exchange(self.clock, {"cache": self.cache}, self.authority)
        self._cables: dict[str, Cable] = {}
        self._seed = seed

    def connect(self, name: str) -> Ends:
        slot = len(self._cables)
        link = HubLink(slot, os.getpid(), name, self.clock, lambda function: self.clock.callLater(0, function))
        self._cables[name] = Cable(link, Station(self._exchange, slot, _Nobody()), self._seed + slot)
        self._pump()
        return Ends(HubBus(link), HubAuthority(link))

    def around(self, authority: IAuthority, clock: IReactorTime) -> IAuthority:
        return IAuthority(SteadyAuthority(clock, authority))

    def gone(self, name: str, node: str) -> None:
        self._cables[name].cut()

    def bury(self, node: str) -> None: ...

    def forget(self) -> None: ...

    async def advance(self, seconds: float) -> None:
        end = self.clock.seconds() + seconds
        self._pump()
        while calls := [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= end]:
            self.clock.advance(max(0.0, min(calls) - self.clock.seconds()))
            self._pump()
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def _pump(self) -> None:
        """Turns of the reactor, as long as there is something to read."""
        moved = True
        while moved:
            self.clock.advance(0)
            moved = sum(cable.pump() for cable in self._cables.values()) > 0

    def left(self) -> dict[str, int]:
        topics = [topic for topic in self._exchange._routes if topic[:1] in b"cu"]
        return {**super().left(), **({"topics": len(topics)} if topics else {})}

    async def close(self) -> None:
        for cable in self._cables.values():
            cable.close()


PAIRS: dict[str, type[Pair]] = {"memory": MemoryPair, "steady": SteadyPair, "hub": HubPair}
