"""One node of a test's cluster: an engine, its ends of bus and authority, and what may happen to it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.delta.settings import DeltaSettings
from sockudo_tx.engine.server import Engine
from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.interfaces import IAuthority, ICache, IFacts
from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import sizes
from tests.unit.engine.delayed import Delayed

from .faults import FaultyAuthority, FaultyBus, Life
from .own_time import OwnTime
from .pairs import Ends

__all__ = ["Node"]

SETTINGS = EngineSettings(
    activity_timeout=10**6,
    user_authentication_timeout=10**6,
    auto_ping=False,
    idle_timeout=0,
    delta=DeltaSettings(filtering=True, enable_tags=False),
)


COUNTS = ("._counted", ".ignored", ".dropped", ".resyncs", ".registrations")
"""Tallies, which never fall."""
OTHERS = 8
"""Positions of others that a node may remember, until the next one is taken down."""


class Node:
    """`clock`, `bus` and `authority` are given with the faults already between them and the driver."""

    def __init__(
        self, name: str, app: App, base: IReactorTime, connect: Callable[[str], Ends],
        around: Callable[[IAuthority, IReactorTime], IAuthority], cache: ICache, facts: IFacts,
    ) -> None:  # fmt: skip
        self.name = name
        self.app = app
        self.life = Life()
        self.clock = OwnTime(base)
        self.published: set[tuple[str, int]] = set()
        """Channel and number of what was published here and may be on its way to others."""
        bus, authority = connect(name)
        self.bus = FaultyBus(bus, self.life)
        self.authority = FaultyAuthority(authority, self.life)
        self.cache = Delayed(cache, early=True)
        self.engine = Engine(
            clock=self.clock,
            apps=MemoryApps([app]),
            authority=around(self.authority, self.clock),
            cache=self.cache,
            facts=facts,
            settings=SETTINGS,
            node_id=name,
            bus=self.bus,
        )
        self._fresh = sizes({"engine": self.engine})

    def left(self) -> dict[str, int]:
        """Every table that holds more than in a new node."""
        found = sizes({"engine": self.engine})
        return {
            name: size
            for name, size in found.items()
            if size > self._fresh.get(name, 0) + (OTHERS if "._positions" in name else 0) and not name.endswith(COUNTS)
        }

    def publish(
        self, *channels: str, data: str = "{}", excluded: str | None = None, tags: dict[str, str] | None = None
    ) -> None:
        """As the REST API does."""
        self.engine.publish(self.app, Publication("e", channels, data, excluded, tags))

    @property
    def acting(self) -> bool:
        """It lives and is not frozen."""
        return self.life.alive and not self.life.frozen

    def freeze(self) -> None:
        """Neither reads nor acts, until `thaw`."""
        self.life.frozen = True
        self.clock.freeze()

    def thaw(self) -> None:
        """Goes on as if nothing had been: timers that are late, and everything that has come."""
        self.clock.thaw()
        self.life.thaw()

    def crash(self) -> None:
        """Gone without a word."""
        self.life.die()
        self.clock.die()
