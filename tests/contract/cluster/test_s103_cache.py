"""Cache channels, whose last event any node has."""

from __future__ import annotations

import random

from .case import ClusterCase
from .contract import on_every_pair

TIMES = 200


class CacheCases(ClusterCase):
    """Events are published on one node, and there are subscribers on another."""

    async def test_S103_cached_elsewhere(self) -> None:
        """What was published on one node is sent to who subscribes on another."""
        number = self.world.publish(self.a, ["cache-c"])
        (client,) = await self.clients(self.b)
        await self.enter([client], "cache-c")
        self.assertEqual(client.got, {("cache-c", number)})

    async def test_S103_never_older(self) -> None:
        """However late the cache answers: behind a newer live event comes no older cached one, and the newest comes."""
        rng = random.Random(103)
        for n in range(TIMES):
            channel = f"cache-{n}"
            self.world.publish(self.a, [channel])
            (client,) = await self.clients(self.b)
            self.b.cache.hold("get")
            client.subscribe(channel)
            await self.pair.advance(rng.choice((0, 0, 0.001)))
            newest = 0
            for turn in rng.sample(("publish", "release", "wait"), 3):
                if turn == "publish":
                    newest = self.world.publish(self.a, [channel])
                elif turn == "release":
                    self.b.cache.release()
                else:
                    await self.pair.advance(rng.choice((0, 0.001)))
            self.b.cache.free()
            await self.settle()
            self.assertIn((channel, newest), client.got)
            self.world.leave(client)


globals().update(on_every_pair(CacheCases))
