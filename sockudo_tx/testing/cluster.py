"""Many servers that are one, on one clock: what is between them is in memory, and can break.

    cluster = MemoryCluster(3)
    here, there = cluster.nodes[0].client(), cluster.nodes[1].client()
    there.subscribe("news")
    cluster.nodes[0].publish("news", "tick")
    assert there.take() == ['{"event":"tick","channel":"news","data":"{}"}']

The bus and the authority are on another machine, so to speak: both answer in later turns (`memory_bus`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.task import Clock
from zope.interface import Interface

from ..backends.memory.authority import MemoryAuthority
from ..backends.memory.cache import MemoryCache
from ..backends.memory.limiter import MemoryLimiter
from ..engine.cluster.settings import ClusterSettings
from ..engine.cluster.steady import SteadyAuthority
from ..engine.cluster.topics import CONTROL
from ..interfaces import Fact, IAuthority, IBus
from ..protocol.app import App
from ..protocol.bus_frames import Control, encode
from .late import late
from .memory_bus import Broker, Drop, Link, MemoryBus, linked
from .server import START, MemoryServer, Shared, fixture_app
from .wire import MemoryWire

__all__ = ["ClusterNode", "MemoryCluster"]


class ClusterNode(MemoryServer):
    """One of them. `place` is its index in `MemoryCluster.nodes`."""

    def __init__(self, place: int, link: Link, bus: MemoryBus, shared: Shared, **how: Any) -> None:
        self.place = place
        self.link = link
        self.bus = bus
        self._wires: list[MemoryWire] = []
        super().__init__(shared=shared, **how)

    @property
    def id(self) -> str:
        """Its node id, which it changes when it was taken for dead."""
        return self.engine.node_id

    def open(self, reader: Callable[[bytes], None], ended: Callable[[], None]) -> MemoryWire:
        wire = super().open(reader, ended)
        self._wires.append(wire)
        return wire

    def cut_clients(self) -> None:
        """Every TCP connection is reset."""
        wires, self._wires = self._wires, []
        for wire in wires:
            if wire.connected:
                wire.cut()


class MemoryCluster:
    """So many nodes with one authority, one cache and one limiter; `how` goes to each `MemoryServer`.

    With `steady` each node has a `SteadyAuthority` before the one they share.

    Faults: `drop`, `hold` and `release`, `cut` and `heal`, `crash`; `add` starts another node.
    """

    def __init__(
        self,
        nodes: int = 3,
        apps: Iterable[App] | None = None,
        *,
        cluster_settings: ClusterSettings = ClusterSettings(),  # noqa: B008 (an immutable value)
        grace: float = 3.0,
        steady: bool = True,
        **how: Any,
    ) -> None:
        self.clock = Clock()
        self.clock.rightNow = START
        self.apps = list(apps) if apps is not None else [fixture_app()]
        self.authority = MemoryAuthority(self.clock, grace)
        self.cache = MemoryCache(self.clock, ttl=3600, max_capacity=10_000, cleanup_interval=60)
        self.limiter = MemoryLimiter(self.clock)
        self.broker = Broker()
        self.authority.listen(self.broker)
        self.settings = cluster_settings
        self._steady = steady
        self._how = how
        self.nodes: list[ClusterNode] = []
        for _ in range(nodes):
            self.add()

    def add(self) -> ClusterNode:
        """Another node, which is there at once."""
        place = len(self.nodes)
        link = Link(self.clock)
        bus = MemoryBus(self.broker, link, place)

        def remote(interface: type[Interface], backend: Any) -> Any:
            if interface is not IAuthority:
                return late(interface, backend, self.clock)
            front = linked(interface, backend, link)
            return SteadyAuthority(self.clock, front) if self._steady else front

        shared = Shared(self.clock, self.authority, self.cache, self.limiter, remote, IBus(bus), self.settings)
        node = ClusterNode(place, link, bus, shared, apps=self.apps, **self._how)
        self.nodes.append(node)
        self.pump()
        return node

    def __getitem__(self, place: int) -> ClusterNode:
        return self.nodes[place]

    def facts(self) -> list[Fact]:
        """The webhook facts of all nodes since the last call, node by node."""
        return [fact for node in self.nodes for fact in node.facts.take()]

    # Faults

    def drop(self, what: Drop | None) -> None:
        """Lose the frames this says yes to, on their way to a node: its place, their topic, their bytes."""
        self.broker.drop = what

    def inject(self, topic: str, frame: bytes) -> None:
        """Hand this to every node that has subscribed to the topic."""
        self.broker.publish(topic, frame)
        self.pump()

    def delivered(self) -> list[tuple[int, str, bytes]]:
        """The frames handed to nodes since the last call: to whom, topic, bytes."""
        delivered, self.broker.delivered = self.broker.delivered, []
        return delivered

    def hold(self, place: int) -> None:
        """Nothing goes from this node or comes to it, and nothing is lost: as if it was frozen."""
        self.nodes[place].link.hold()

    def release(self, place: int) -> None:
        """It goes on where it was."""
        self.nodes[place].link.release()
        self.pump()

    def cut(self, place: int) -> None:
        """The node has neither bus nor authority, and knows it."""
        self.nodes[place].bus.cut()
        self.pump()

    def heal(self, place: int) -> None:
        """It has both again."""
        self.nodes[place].bus.heal()
        self.pump()

    def crash(self, place: int, *, noticed: bool = True) -> None:
        """The node is gone in this moment; where that is `noticed`, its facts are removed at once."""
        node = self.nodes[place]
        gone = node.id
        node.bus.end()
        node.cut_clients()
        node.engine.abandon()
        if noticed:
            self.bury(gone)
        self.pump()

    def bury(self, node: str) -> None:
        """The node is taken for dead, rightly or not: its facts are removed, and the others are told."""
        while self.authority.reap(node):
            pass
        self.broker.publish(CONTROL, encode(Control(node="authority", op="gone", about=node)))

    # Time

    def pump(self) -> None:
        """Let everything that is due now happen."""
        self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every moment something is due."""
        self.nodes[0].advance(seconds)
