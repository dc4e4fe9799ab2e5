"""Nodes that die, nodes that are taken for dead, and an authority that forgets everything."""

from __future__ import annotations

from sockudo_tx.protocol.bus_frames import Control, Decoded

from .case import ROOM, ClusterCase
from .contract import on_every_pair
from .looking import SWEEP
from .pairs import GRACE

HEAL = 30.0
"""Seconds after which everything is known again: a lease is renewed, and everybody has registered anew."""


class StateCases(ClusterCase):
    """Members on all nodes."""

    async def test_S44_crash(self) -> None:
        """A node is gone: others are told of each of its members once, and facts follow."""
        watcher, *_ = await self.members((self.a, "m0"), (self.b, "m1"), (self.b, "m2"))
        await self.rest()
        watcher.take()
        self.world.crash(self.b)
        await self.rest()
        self.assertEqual(sorted(watcher.take()), [("removed", "m1"), ("removed", "m2")])

    async def test_S45_crash_beside(self) -> None:
        """A member of the dead node who is also on another one stays."""
        watcher, *_ = await self.members((self.a, "m0"), (self.b, "m1"), (self.c, "m1"))
        watcher.take()
        self.world.crash(self.b)
        await self.rest()
        self.assertEqual(watcher.take(), [])

    async def test_S35_crash_within_the_grace(self) -> None:
        """The node that caused a vacancy dies within the grace: the vacancy is told once all the same."""
        await self.members((self.a, "m0"))
        (last,) = await self.clients(self.b)
        await self.enter([last], "hall")
        await self.rest()
        self.world.leave(last)
        await self.pair.advance(0.5)
        for node in (self.a, self.c):  # even if nobody hears of the death
            node.bus.dropping = lambda frame: isinstance(frame, Decoded) and isinstance(frame.header, Control)
        self.world.crash(self.b)
        await self.pair.advance(GRACE + SWEEP)
        await self.rest()
        self.assertEqual(
            [fact.name for fact in self.world.facts.seen if fact.channel == "hall"].count("channel_vacated"), 1
        )

    async def test_S49_frozen_for_a_moment(self) -> None:
        """A node that does nothing for a moment misses nothing, and nobody hears of it."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"), (self.c, "m2"))
        await self.enter(clients, "hall")
        for client in clients:
            client.take()
        self.b.freeze()
        self.world.publish(self.a, ["hall"])
        await self.pair.advance(0.3)
        self.b.thaw()
        await self.rest()
        self.assertEqual([client.take() for client in clients], [[], [], []])


class TakenForDeadCases(ClusterCase):
    """Where a node that lives can be taken for dead."""

    async def test_S48_taken_for_dead(self) -> None:
        """A node that was taken for dead though it lives: others see its members go and come back once, its own clients
        keep their connections, and it has another id."""
        watcher, own = await self.members((self.a, "m0"), (self.b, "m1"))
        await self.rest()
        watcher.take()
        before = self.b.engine.node_id
        own.own_told = self.world.over = True
        self.pair.bury(before)
        await self.settle()
        await self.pair.advance(HEAL)
        self.world.listen()
        self.assertEqual(watcher.take(), [("removed", "m1"), ("added", "m1")])
        self.assertNotEqual(self.b.engine.node_id, before)
        self.assertFalse(own.ended)
        await self.rest()

    async def test_S48_taken_for_dead_while_somebody_comes(self) -> None:
        """Who joins in that moment is a member afterwards, for himself and for everybody else; webhooks hear of it once."""
        (watcher,) = await self.members((self.a, "m0"))
        (own,) = await self.clients(self.b)
        own.own_told = self.world.over = True
        own.subscribe(ROOM, "m1")
        self.pair.bury(self.b.engine.node_id)
        await self.pair.advance(HEAL)
        await self.rest()
        self.assertEqual([set(client.places[ROOM].members) for client in (watcher, own)], [{"m0", "m1"}] * 2)


class ForgottenCases(ClusterCase):
    """Where nodes survive the loss of the authority's state."""

    async def test_S61_state_lost(self) -> None:
        """The authority loses everything: no client hears of it, lists are right again, and a real leave works."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"), (self.c, "m2"))
        await self.enter(clients, "hall")
        await self.rest()
        for client in clients:
            client.take()
        self.pair.forget()
        self.world.facts.unsure = True
        await self.pair.advance(HEAL)
        await self.rest()
        self.assertEqual([client.take() for client in clients], [[], [], []])
        self.world.leave(clients[1])
        await self.settle()
        self.assertEqual(clients[0].take(), [("removed", "m1")])
        await self.rest()

    async def test_S61_second_socket(self) -> None:
        """Who is there already and comes a second time while the state is lost is new to the authority, and to nobody else."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"))
        await self.rest()
        clients[0].take()
        self.pair.forget()
        self.world.facts.unsure = self.world.forgotten = True
        (second,) = await self.clients(self.c)
        second.info = clients[0].info
        second.subscribe(ROOM, "m0")
        await self.pair.advance(HEAL)
        await self.rest()
        self.assertEqual([client.take() for client in clients], [[], []])

    async def test_S61_changes_meanwhile(self) -> None:
        """Of what happens while the state is lost clients hear exactly that."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"))
        await self.rest()
        clients[0].take()
        self.pair.forget()
        self.world.facts.unsure = True
        self.world.leave(clients[1])
        await self.members((self.c, "m3"))
        await self.pair.advance(HEAL)
        await self.rest()
        self.assertEqual(sorted(clients[0].take()), [("added", "m3"), ("removed", "m1")])
        self.assertEqual(set(clients[0].places[ROOM].members), {"m0", "m3"})


globals().update(on_every_pair(StateCases))
globals().update(on_every_pair(TakenForDeadCases, where=lambda pair: pair.buries))
globals().update(on_every_pair(ForgottenCases, where=lambda pair: pair.forgets))
