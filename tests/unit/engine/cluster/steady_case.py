"""A `SteadyAuthority` before an authority far away."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.engine.cluster.backlog import BacklogSettings
from sockudo_tx.engine.cluster.steady import SteadyAuthority
from sockudo_tx.interfaces import Parted
from sockudo_tx.testing.tables import sizes

from .far import Far

__all__ = ["ROOM", "SteadyCase"]

ROOM = "presence-r"
SETTINGS = BacklogSettings(batch=10, wait=0.1, buffer=100, batches=4)


class SteadyCase(SynchronousTestCase):
    """One node, "a", and whoever else asks the authority itself."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.truth = MemoryAuthority(self.clock, 3.0)
        self.far = Far(self.clock, self.truth)
        self.resyncs = 0
        self.steady = SteadyAuthority(self.clock, self.far, SETTINGS, self.resync)  # type: ignore[arg-type]

    def resync(self) -> None:
        self.resyncs += 1

    def pass_time(self, seconds: float = 1.0) -> None:
        end = self.clock.seconds() + seconds
        while calls := [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= end]:
            self.clock.advance(max(0.0, min(calls) - self.clock.seconds()))
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def answer(self, answer: Any) -> Any:
        self.pass_time(0.01)
        return self.successResultOf(answer)

    def join(self, socket: str, user: str = "u1", channel: str = ROOM) -> Any:
        return self.steady.join("app", channel, "a", socket, user, "{}", 0)

    def part(self, socket: str, channel: str = ROOM) -> Parted:
        return self.steady.part("app", channel, "a", socket)

    def tearDown(self) -> None:
        self.pass_time(20)
        self.assertEqual(self.steady.backlog, 0)
        left = sizes({"steady": self.steady._backlog, "asked": self.steady._asked})
        self.assertEqual({name: size for name, size in left.items() if not name.endswith("_queues")}, {})
