"""Nodes that live, die and tell everything again; totals and versions: what every authority promises of them."""

from __future__ import annotations

from sockudo_tx.interfaces import ChannelCounts, NodeFacts, UserChange

from .authority_case import APP, GRACE, ROOM, AuthorityCase, got

__all__ = ["PaceContract", "RegisterContract"]


class RegisterContract(AuthorityCase):
    """`lease`, `reap`, `register`, `versions`"""

    facts = NodeFacts(
        connections={APP: 2},
        channels=[(APP, ROOM, 2), (APP, "c", 1)],
        members=[(APP, ROOM, "1.1", "u1", '"one"'), (APP, ROOM, "1.2", "u2", '"two"')],
        users=[(APP, "u1", "1.1")],
    )

    async def register(self, node: str = "a") -> None:
        await got(self.world.node(node).register(node, self.facts))
        await self.world.settle()

    async def test_fenced(self) -> None:
        """Whoever was reaped is told so, and only he; the epoch is everybody's."""
        self.assertEqual(await got(self.a.lease("a", 15)), (self.a.epoch, False))
        await self.reap("a")
        self.assertEqual(await got(self.a.lease("a", 15)), (self.a.epoch, True))
        self.assertEqual(await got(self.b.lease("b", 15)), (self.a.epoch, False))

    async def test_slices(self) -> None:
        """Reaped a few facts at a time, everything goes once: one change for each user, one due for each channel."""
        for number in range(20):
            await got(self.a.occupy(APP, f"c{number}", "a"))
            await self.join("a", f"1.{number}", f"u{number % 10}")
        self.ear.take()
        calls = 1
        while await got(self.b.reap("a", 5)):
            calls += 1
        self.assertGreaterEqual(calls, 8)
        await self.world.settle()
        self.assertEqual(sorted(self.ear.take()), [(False, f"u{number}") for number in range(10)])
        await self.world.advance(GRACE)
        self.assertEqual(len(set(await self.due())), 30)
        self.assertEqual(await self.due(), [])

    async def test_quiet(self) -> None:
        """What is registered is so, and nobody is told; the same once more changes nothing."""
        for _ in range(2):
            await self.register()
        self.assertEqual((self.ear.presence, self.ear.users), ([], []))
        self.assertEqual(await self.members(), [("u1", '"one"'), ("u2", '"two"')])
        self.assertEqual(await got(self.b.counts(APP, ROOM)), ChannelCounts(2, 2))
        self.assertEqual(await got(self.b.user_connections(APP, "u1")), 1)
        self.assertFalse(await got(self.b.conn_open(APP, "b", 2)))
        self.assertFalse(await got(self.b.occupy(APP, "c", "b")))
        await self.world.advance(GRACE)
        self.assertEqual(await self.due(), [])

    async def test_then_as_ever(self) -> None:
        """Who was registered leaves like everybody, and what is known already stays as it was."""
        await self.join("b", "2.1", "u1", '"first"')
        await self.register()
        self.assertEqual((await self.members())[0], ("u1", '"first"'))
        self.ear.take()
        for socket in ("1.1", "1.2"):
            await self.part("a", socket)
        self.assertEqual(self.ear.take(), [(False, "u2")])

    async def test_another_id(self) -> None:
        """Whoever registers everything under another id and reaps the earlier one is not noticed; what he does not
        register any more is."""
        await self.join("b", "1.1", "u1")
        await self.join("b", "1.2", "u2")
        await self.join("b", "1.3", "u3")
        for channel in (ROOM, "c", "left"):
            await got(self.b.occupy(APP, channel, "b"))
        await got(self.b.user_up(APP, "u1", "b", "1.1"))
        await got(self.b.user_up(APP, "u3", "b", "1.3"))
        await self.world.settle()
        self.ear.take()
        self.ear.users.clear()
        await self.register("a")
        await self.reap("b", by="a")
        await self.world.settle()
        self.assertEqual(self.ear.take(), [(False, "u3")])
        self.assertEqual(self.ear.users, [UserChange(APP, "u3", False)])
        await self.part("b", "1.1")  # late, under the earlier id
        self.assertEqual(self.ear.take(), [])
        await self.world.advance(GRACE)
        self.assertEqual(
            sorted(await self.due(), key=str), [("channel_vacated", "left", None), ("member_removed", ROOM, "u3")]
        )

    async def test_versions(self) -> None:
        """The version of a channel is that of its snapshot, and changes whenever its members do."""
        self.assertEqual(await got(self.a.versions([(APP, ROOM)])), [(self.a.epoch, 0)])
        seen = {0}
        for step in (self.join("a", "1.1", "u1"), self.register(), self.part("a", "1.2")):
            await step
            ((epoch, version), other) = await got(self.b.versions([(APP, ROOM), (APP, "presence-none")]))
            self.assertEqual((epoch, version), (await got(self.b.snapshot(APP, ROOM)))[:2])
            self.assertEqual(other, (self.a.epoch, 0))
            seen.add(version)
        self.assertEqual(len(seen), 4)


class PaceContract(AuthorityCase):
    """`count` with a pace"""

    async def count(self, node: str, subscriptions: int, pace: float | None = 5.0, newcomer: bool = False) -> None:
        there = self.world.node(node)
        await got(there.occupy(APP, "c", node))
        await got(there.count(APP, "c", node, subscriptions, pace, newcomer))

    async def totals(self) -> list[tuple[int | None, bool]]:
        """Totals that have become due, and whether they were told before; by all nodes."""
        found = [due for node in (self.a, self.b) for due in (await got(node.due())).found]
        return [(due.total, due.again) for due in found if due.name == "subscription_count"]

    async def test_small(self) -> None:
        """Changes of a tenth of a second are told together, to one caller, as the total of all nodes."""
        await self.count("a", 1)
        await self.count("b", 2)
        self.assertEqual(await self.totals(), [])
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(3, False)])
        await self.world.advance(10)
        self.assertEqual(await self.totals(), [])

    async def test_unwanted(self) -> None:
        """Nothing is due where nobody wants to know."""
        await self.count("a", 1, None)
        await self.world.advance(10)
        self.assertEqual(await self.totals(), [])

    async def test_newcomer(self) -> None:
        """The same total is told again for somebody new, and not otherwise."""
        await self.count("a", 1)
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(1, False)])
        await self.count("a", 2)
        await self.count("a", 1)
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [])
        await self.count("a", 2, newcomer=True)
        await self.count("a", 1)
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(1, True)])

    async def test_large(self) -> None:
        """Of more than a hundred the total is told every few seconds; of fewer again, at once."""
        await self.count("a", 60)
        await self.count("b", 60)
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(120, False)])
        await self.count("a", 70)
        await self.world.advance(4)
        await self.count("a", 80)
        self.assertEqual(await self.totals(), [])
        await self.world.advance(1.1)
        self.assertEqual(await self.totals(), [(140, False)])
        await self.count("a", 81)
        await self.count("b", 1)
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(82, False)])

    async def test_last(self) -> None:
        """A node that leaves or is lost changes the total, and the last subscriber's leaving tells 0."""
        await self.count("a", 2)
        await self.count("b", 3)
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(5, False)])
        await self.reap("a")
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(3, False)])
        await got(self.b.vacate(APP, "c", "b"))
        await self.world.advance(0.11)
        self.assertEqual(await self.totals(), [(0, False)])
