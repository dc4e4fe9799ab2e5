"""What the numbered cases of clusters start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sockudo_tx.interfaces import Answer

from .client import Client
from .looking import look, rest
from .node import Node
from .pairs import Pair
from .world import World

__all__ = ["ROOM", "ClusterCase"]

ROOM = "presence-1"


class ClusterCase(TestCase):
    """Three nodes `a`, `b` and `c`; in the end everybody leaves, and nothing may be left of them."""

    new_pair: Callable[[int], Pair]

    def setUp(self) -> None:
        self.world = World(type(self).new_pair(1))
        self.pair = self.world.pair
        self.a, self.b, self.c = self.world.nodes

    async def tearDown(self) -> None:
        try:
            await self.world.end()
        finally:
            await self.pair.close()

    async def clients(self, *nodes: Node) -> list[Client]:
        """A connection to each of these."""
        clients = [self.world.connect(node) for node in nodes]
        await self.settle()
        return clients

    async def members(self, *places: tuple[Node, str]) -> list[Client]:
        """Connections in the room, one after the other."""
        clients = []
        for node, user_id in places:
            (client,) = await self.clients(node)
            await self.enter([client], ROOM, user_id)
            clients.append(client)
        return clients

    async def enter(self, clients: Sequence[Client], channel: str, user_id: str | None = None) -> None:
        for client in clients:
            client.subscribe(channel, user_id)
        await self.settle()

    async def settle(self) -> None:
        """What was said has come to its end."""
        await self.pair.settle()
        self.world.listen()

    async def look(self) -> None:
        """Everybody believes the truth."""
        await look(self.world)

    async def rest(self) -> None:
        """And webhooks were told of it."""
        await rest(self.world)

    async def answer(self, answer: Answer[object]) -> object:
        if isinstance(answer, Deferred):
            await self.pair.settle()
            return await answer
        return answer
