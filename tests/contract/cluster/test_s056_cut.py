"""A node without its bus, for a while."""

from __future__ import annotations

import json

from .case import ROOM, ClusterCase
from .contract import on_every_pair

HALL = "hall"


class CutCases(ClusterCase):
    """The second node is cut off from the others; all still reach the authority."""

    async def test_S56_published_meanwhile(self) -> None:
        """What the cut node publishes for a moment reaches its own clients at once and the others later, in order."""
        clients = await self.clients(self.a, self.b)
        await self.enter(clients, HALL)
        self.b.bus.cut()
        for n in range(1, 21):
            self.b.publish(HALL, data=json.dumps({"n": n, "p": "b"}))
        self.world.listen()
        numbers = {(HALL, n) for n in range(1, 21)}
        self.assertEqual([client.got for client in clients], [set(), numbers])
        await self.pair.advance(1)
        self.b.bus.heal()
        await self.look()  # out of order would be noticed
        self.assertEqual(clients[0].got, numbers)

    async def test_S59_changes_meanwhile(self) -> None:
        """Of who came and went meanwhile its clients hear afterwards, and of nothing else."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"), (self.c, "m2"))
        clients[1].take()
        self.b.bus.cut()
        self.world.leave(clients[0])
        await self.members((self.c, "m3"))
        self.assertEqual(set(clients[1].places[ROOM].members), {"m0", "m1", "m2"})
        self.b.bus.heal()
        await self.settle()
        self.assertEqual(clients[1].take(), [("removed", "m0"), ("added", "m3")])
        await self.rest()

    async def test_subscribed_meanwhile(self) -> None:
        """Who subscribes meanwhile is let in after a moment, and gets everything when the bus is there again."""
        clients = await self.clients(self.a, self.b)
        self.b.bus.cut()
        await self.enter(clients, HALL)
        self.assertTrue(clients[1].is_in(HALL))
        self.b.bus.heal()
        await self.settle()
        self.world.publish(self.a, [HALL])
        self.world.counts_lost = True
        await self.look()


globals().update(on_every_pair(CutCases))
