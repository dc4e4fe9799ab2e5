"""What a worker says of the whole machine, over real links."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.hub.wire import GroupState
from sockudo_tx.engine.stats import AppStats, Stats
from sockudo_tx.interfaces import BackendError
from sockudo_tx.machine import Machine
from tests.contract.hub_link import Group, turns

ONE = AppStats(2, 1, 1, 1, 2, 0, 0, 0)


class MachineTests(TestCase):
    """`Machine`: a hub and two workers, each with two connections and one subscribed channel, the same"""

    timeout = 20

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        self.clock = Clock()
        self.group = Group(clock=self.clock)
        self.addCleanup(self.group.close)
        self.links = [await self.group.welcomed(slot) for slot in range(2)]
        engine: Any = SimpleNamespace(stats=lambda: Stats({"app": ONE}, ONE), clock=self.clock)
        self.machines = [Machine(engine, link) for link in self.links]
        for link in self.links:
            self.group.authority.occupy("app", "news", link.hello.node)
            self.group.authority.user_up("app", "one", link.hello.node, link.hello.node)
        self.tell(GroupState(2))
        await turns(self.group.reactor, 0.01)

    def tell(self, state: GroupState) -> None:
        for station in self.group.stations:
            station.tell_state(state)

    async def told(self) -> tuple[Stats, bool]:
        answer = Deferred.fromCoroutine(self.machines[0].stats())
        while not answer.called:
            await turns(self.group.reactor, 0.001)
            self.clock.advance(0.05)
        return await answer

    async def test_all(self) -> None:
        """Connections are added up, what both have counts once, and nothing is missing."""
        stats, complete = await self.told()
        self.assertEqual(stats.apps, {"app": AppStats(4, 2, 1, 1, 4, 0, 0, 0)})
        self.assertTrue(complete)

    async def test_silent_worker(self) -> None:
        """A worker that says nothing is missing, after a second; so is one that has not come back yet."""
        self.links[1].answers["stats"] = Deferred
        stats, complete = await self.told()
        self.assertEqual((stats.totals.connections, complete), (2, False))

    async def test_missing_worker(self) -> None:
        """So is one that the hub counts among those that serve, and cannot ask any more."""
        self.tell(GroupState(3))
        await turns(self.group.reactor, 0.01)
        stats, complete = await self.told()
        self.assertEqual((stats.totals.connections, complete), (4, False))

    async def test_silent_hub(self) -> None:
        """When the hub says nothing, this worker tells its own, in little more than a second."""
        self.group.stations[0]._methods["hub.gather"] = lambda what: Deferred()
        began = self.clock.seconds()
        stats, complete = await self.told()
        self.assertEqual((stats.totals, complete), (ONE, False))
        self.assertLess(self.clock.seconds() - began, 1.5)

    async def test_lost_hub(self) -> None:
        """So it does when the hub goes while it is asked, and whoever asked is the only one to hear of it."""
        self.links[1].answers["stats"] = Deferred
        asked = Deferred.fromCoroutine(self.machines[0].stats())
        self.group.stations[0].cut()
        stats, complete = await asked
        self.assertEqual((stats.totals, complete), (ONE, False))
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_health(self) -> None:
        """A hub that answers is well; one that does not, or is gone, is not. Workers that are given up are named."""
        machine = self.machines[0]
        self.assertIsNone(await machine.reached())
        self.assertIsNone(machine.missing())
        self.tell(GroupState(1, (1,), "worker 2 of 2 keeps ending"))
        await turns(self.group.reactor, 0.01)
        self.assertEqual(machine.missing(), "worker 2 of 2 keeps ending")
        self.links[0].close()
        await turns(self.group.reactor, 0.01)
        with self.assertRaises(BackendError):
            await machine.reached()

    def test_packed(self) -> None:
        """What the hub hands on is small and can be read by any worker."""
        told: Any = self.links[0].answers["stats"]()
        self.assertEqual(msgspec.msgpack.decode(told, type=dict[str, AppStats]), {"app": ONE})
