"""The same user on several nodes in the same moment."""

from __future__ import annotations

import random

from .case import ROOM, ClusterCase
from .contract import on_every_pair

TIMES = 200


class AtOnceCases(ClusterCase):
    """A member who stays on the third node, and looks on."""

    async def test_S18_one_after_the_other(self) -> None:
        """Newcomers on three nodes: each list has all earlier members and itself, each earlier client hears of each once."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"), (self.c, "m2"))
        self.assertEqual(
            [client.take() for client in clients], [[("added", "m1"), ("added", "m2")], [("added", "m2")], []]
        )
        await self.rest()

    async def test_S19_joins(self) -> None:
        """A user who joins on two nodes at once is added once for everybody else."""
        (watcher,) = await self.members((self.c, "m0"))
        for _ in range(TIMES):
            clients = await self.clients(self.a, self.b)
            await self.enter(clients, ROOM, "m1")
            self.assertEqual(watcher.take(), [("added", "m1")])
            self.assertEqual([client.take() for client in clients], [[], []])
            self.world.leave(*clients)
            await self.settle()
            self.assertEqual(watcher.take(), [("removed", "m1")])
        await self.rest()

    async def test_S20_leaves(self) -> None:
        """A user who leaves two nodes at once is removed once, and then gone everywhere."""
        (watcher,) = await self.members((self.c, "m0"))
        for n in range(TIMES):
            clients = await self.members((self.a, "m1"), (self.b, "m1"))
            watcher.take()
            if n % 2:
                self.world.leave(*clients)
            else:
                for client in clients:
                    client.unsubscribe(ROOM)
            await self.settle()
            self.assertEqual(watcher.take(), [("removed", "m1")])
            self.assertEqual(set(watcher.places[ROOM].members), {"m0"})
            self.world.leave(*[client for client in clients if not client.ended])
        await self.rest()

    async def test_S21_moves(self) -> None:
        """A user who leaves one node and joins on another at the same moment is there, for everybody and in every list."""
        (watcher,) = await self.members((self.c, "m0"))
        (client,) = await self.members((self.a, "m1"))
        for n in range(TIMES):
            (next_one,) = await self.clients((self.b, self.a, self.c)[n % 3])
            self.world.leave(client) if n % 2 else client.unsubscribe(ROOM)
            next_one.subscribe(ROOM, "m1")
            await self.settle()
            for each in (watcher, next_one):
                self.assertEqual(set(each.places[ROOM].members), {"m0", "m1"})
            if not client.ended:
                self.world.leave(client)
            client = next_one
            if n % 20 == 0:
                await self.look()
        await self.rest()

    async def test_S24_other_info(self) -> None:
        """A user's second connection changes nothing; the info of the first stays until both have left."""
        watcher, first, second = await self.members((self.c, "m0"), (self.a, "m1"), (self.b, "m1"))
        self.assertEqual(watcher.take(), [("added", "m1")])
        self.assertEqual(second.places[ROOM].members["m1"], {"by": first.name})
        self.world.leave(first)
        await self.settle()
        self.assertEqual(watcher.take(), [])
        self.assertEqual(watcher.places[ROOM].members["m1"], {"by": first.name})
        self.world.leave(second)
        (third,) = await self.members((self.b, "m1"))
        self.assertEqual(watcher.places[ROOM].members["m1"], {"by": third.name})
        await self.rest()

    async def test_S25_limit(self) -> None:
        """Of many who join a full room at once on all nodes exactly as many succeed as there are places."""
        clients = await self.clients(*([self.a, self.b, self.c] * 3))
        for n, client in enumerate(clients):
            client.subscribe(ROOM, f"m{n}")
        await self.settle()
        inside = [client for client in clients if client.is_in(ROOM)]
        self.assertEqual(len(inside), self.world.LIMIT)
        (again,) = await self.members((self.b, inside[0].places[ROOM].user_id or ""))
        self.assertTrue(again.is_in(ROOM))
        await self.rest()

    async def test_S39_quota(self) -> None:
        """Of many who connect at once on all nodes exactly as many are admitted as the app may have."""
        for _ in range(8):
            for node in (self.a, self.b, self.c):
                self.world.connect(node)
        await self.settle()
        self.assertEqual(len(self.world.clients), self.world.QUOTA)
        gone = len(self.world.clients_of(self.b))
        self.world.crash(self.b)
        await self.rest()
        for _ in range(gone + 1):
            self.world.connect(self.a)
        await self.settle()
        self.assertEqual(len(self.world.clients), self.world.QUOTA)


class FlappingCases(ClusterCase):
    """Rooms as people really use them"""

    async def test_S22_flapping(self) -> None:
        """Users who come and go on three nodes: in the end every client's list is the API's, and the truth."""
        clients = await self.clients(*([self.a, self.b, self.c] * 4))
        rng = random.Random(22)
        for n in range(600):
            client = rng.choice(clients)
            if ROOM in client.places:
                client.unsubscribe(ROOM)
            elif client.is_settled:
                client.subscribe(ROOM, f"m{rng.randrange(8)}")
            await self.pair.advance(rng.choice((0, 0, 0, 0.001)))
            self.world.listen()
            if n % 100 == 99:
                await self.look()
        await self.rest()


globals().update(on_every_pair(AtOnceCases, FlappingCases))
