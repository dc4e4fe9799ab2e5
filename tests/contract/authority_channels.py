"""Connections, occupied channels, users and nodes: what every authority promises of them."""

from __future__ import annotations

from sockudo_tx.interfaces import ChannelCounts, Due, Dues, UserChange

from .authority_case import APP, GRACE, ROOM, AuthorityCase, Ear, got

__all__ = ["ChannelContract", "ConnectionContract", "NodeContract", "UserContract"]


class ConnectionContract(AuthorityCase):
    """`conn_open`, `conn_close`"""

    async def test_quota(self) -> None:
        """Connections are admitted up to the limit, whichever node they are on; 0 is no limit."""
        admitted = [await got(self.world.node(n).conn_open(APP, n, 3)) for n in ("a", "b", "a", "b", "a")]
        self.assertEqual(admitted, [True, True, True, False, False])
        self.assertTrue(await got(self.a.conn_open(APP, "a", 0)))
        self.assertTrue(await got(self.a.conn_open("other", "a", 1)))

    async def test_quota_given_back(self) -> None:
        """A closed connection makes room, also through another node; a node cannot give back more than it has."""
        for node in ("a", "a", "b"):
            await got(self.world.node(node).conn_open(APP, node, 0))
        await got(self.b.conn_close(APP, "b", 5))
        self.assertFalse(await got(self.a.conn_open(APP, "a", 2)))
        await got(self.a.conn_close(APP, "a", 1))
        self.assertTrue(await got(self.b.conn_open(APP, "b", 2)))
        self.assertFalse(await got(self.b.conn_open(APP, "b", 2)))

    async def test_quota_of_lost_node(self) -> None:
        """A reaped node's connections do not count any more."""
        for node in ("a", "a", "b"):
            await got(self.world.node(node).conn_open(APP, node, 0))
        await self.reap("a")
        self.assertTrue(await got(self.b.conn_open(APP, "b", 2)))
        self.assertFalse(await got(self.b.conn_open(APP, "b", 2)))


class ChannelContract(AuthorityCase):
    """`occupy`, `vacate`, `due`, `count`, `counts`, `channels`; scaling.md 6.6"""

    async def test_occupied_once(self) -> None:
        """Of all nodes and repetitions exactly one occupation is the first."""
        told = [await got(self.world.node(n).occupy(APP, "c", n)) for n in ("a", "b", "a", "b")]
        self.assertEqual(told, [True, False, False, False])

    async def test_vacated_once(self) -> None:
        """The last node starts the grace; when it has passed, one caller learns of it, once."""
        for node in ("a", "b"):
            await got(self.world.node(node).occupy(APP, "c", node))
        await got(self.a.vacate(APP, "c", "a"))
        await self.world.advance(GRACE)
        self.assertEqual(await self.due(), [])
        await got(self.b.vacate(APP, "c", "b"))
        await got(self.b.vacate(APP, "c", "b"))
        self.assertEqual(await self.due(), [])
        await self.world.advance(GRACE)
        told = [await self.due(self.a), await self.due(self.b), await self.due(self.a)]
        self.assertEqual(told[0] + told[1] + told[2], [("channel_vacated", "c", None)])
        self.assertTrue(await got(self.a.occupy(APP, "c", "a")))

    async def test_short_vacancy(self) -> None:
        """A channel that is occupied again within the grace was never vacated and is not newly occupied."""
        await got(self.a.occupy(APP, "c", "a"))
        await got(self.a.vacate(APP, "c", "a"))
        await self.world.advance(GRACE / 2)
        self.assertFalse(await got(self.b.occupy(APP, "c", "b")))
        await self.world.advance(GRACE)
        self.assertEqual(await self.due(), [])

    async def test_repeated_vacancy(self) -> None:
        """Each vacancy has the whole grace."""
        for _ in range(3):
            await got(self.a.occupy(APP, "c", "a"))
            await got(self.a.vacate(APP, "c", "a"))
            await self.world.advance(GRACE * 0.6)
            self.assertEqual(await self.due(), [])
        await self.world.advance(GRACE * 0.6)
        self.assertEqual(await self.due(), [("channel_vacated", "c", None)])

    async def test_never_occupied(self) -> None:
        """A channel that nobody occupied cannot be vacated."""
        await got(self.a.vacate(APP, "c", "a"))
        await got(self.b.occupy(APP, "c", "b"))
        await got(self.a.vacate(APP, "c", "a"))
        await self.world.advance(GRACE)
        self.assertEqual(await self.due(), [])

    async def test_due_order(self) -> None:
        """What is due comes oldest first, and `wait` says how long the next takes."""
        self.assertEqual(await got(self.a.due()), Dues([], None))
        for number in range(3):
            await got(self.a.occupy(APP, f"c{number}", "a"))
            await got(self.a.vacate(APP, f"c{number}", "a"))
            await self.world.advance(GRACE / 4)
        found, wait = await got(self.a.due())
        self.assertEqual(found, [])
        assert wait is not None
        self.assertTrue(abs(wait - GRACE / 4) < GRACE / 10, wait)
        await self.world.advance(GRACE)
        due = [Due(APP, "channel_vacated", f"c{n}", None) for n in range(3)]
        self.assertEqual(await got(self.a.due()), Dues(due, None))

    async def test_due_by_and_by(self) -> None:
        """A caller may take what is due a few at a time; `wait` is 0 until all is taken."""
        for number in range(5):
            await got(self.a.occupy(APP, f"c{number}", "a"))
            await got(self.a.vacate(APP, f"c{number}", "a"))
        await self.world.advance(GRACE + 1)
        told = [await got(self.world.node(node).due(2)) for node in ("a", "b", "a")]
        self.assertEqual([[due.channel for due in dues.found] for dues in told], [["c0", "c1"], ["c2", "c3"], ["c4"]])
        self.assertEqual([dues.wait for dues in told], [0, 0, None])

    async def test_due_to_the_last(self) -> None:
        """Who leaves as the last is told everything that is pending, without its grace, also a few at a time."""
        for number in range(3):
            await got(self.a.occupy(APP, f"c{number}", "a"))
            await got(self.a.vacate(APP, f"c{number}", "a"))
        await self.join("a", "1.1", "u1")
        await self.part("a", "1.1")
        self.assertEqual(await self.due(), [])
        told = [await got(self.a.due(3, True)) for _ in range(2)]
        self.assertEqual([[due.channel for due in dues.found] for dues in told], [["c0", "c1", "c2"], [ROOM]])
        self.assertEqual([dues.wait for dues in told], [0, None])
        self.assertTrue(await got(self.a.occupy(APP, "c0", "a")))

    async def test_counts(self) -> None:
        """Subscribers are summed over the nodes that occupy the channel; users are counted on presence channels."""
        for node in ("a", "b"):
            await got(self.world.node(node).occupy(APP, "c", node))
        self.assertEqual(await got(self.a.counts(APP, "c")), ChannelCounts(2, None))  # one each, as far as is known
        self.assertEqual(await got(self.a.count(APP, "c", "a", 5)), 6)
        self.assertEqual(await got(self.b.count(APP, "c", "b", 2)), 7)
        self.assertEqual(await got(self.b.count(APP, "c", "b", 3)), 8)
        await got(self.a.occupy(APP, "c", "a"))
        self.assertEqual(await got(self.a.counts(APP, "c")), ChannelCounts(8, None))
        await got(self.a.vacate(APP, "c", "a"))
        self.assertEqual(await got(self.a.count(APP, "c", "a", 9)), 3)
        self.assertEqual(await got(self.a.counts(APP, "c")), ChannelCounts(3, None))
        self.assertEqual(await got(self.a.counts(APP, "nobody")), ChannelCounts(0, None))
        self.assertEqual(await got(self.a.counts(APP, "presence-nobody")), ChannelCounts(0, 0))
        self.assertEqual(await got(self.a.counts("other", "c")), ChannelCounts(0, None))

    async def test_channels(self) -> None:
        """Occupied channels by prefix, with their counts, and no others."""
        for channel in ("a-1", "a-2", "b-1", "presence-a"):
            await got(self.a.occupy(APP, channel, "a"))
            await got(self.a.count(APP, channel, "a", 1))
        await self.join("b", "1.1", "u1", channel="presence-a")
        await got(self.a.occupy("other", "a-3", "a"))
        await got(self.a.vacate(APP, "a-2", "a"))
        self.assertEqual(await got(self.b.channels(APP, "a-")), {"a-1": ChannelCounts(1, None)})
        found = await got(self.b.channels(APP, ""))
        self.assertEqual(sorted(found), ["a-1", "b-1", "presence-a"])
        self.assertEqual(found["presence-a"], ChannelCounts(1, 1))
        self.assertEqual(await got(self.b.channels(APP, "x")), {})


class UserContract(AuthorityCase):
    """`user_up`, `user_down`, `online`, `user_connections`"""

    async def test_users(self) -> None:
        """A user is online from its first signed-in socket to its last, on whichever nodes; that is published."""
        ups = [await got(self.world.node(n).user_up(APP, "u1", n, s)) for n, s in (("a", "1"), ("b", "2"), ("a", "1"))]
        self.assertEqual(ups, [True, False, False])
        self.assertEqual(await got(self.b.user_connections(APP, "u1")), 2)
        self.assertEqual(await got(self.b.online(APP, ["u2", "u1"])), {"u1"})
        self.assertEqual(await got(self.b.online("other", ["u1"])), set())
        downs = [
            await got(self.world.node(n).user_down(APP, "u1", n, s)) for n, s in (("a", "1"), ("a", "1"), ("b", "2"))
        ]
        self.assertEqual(downs, [False, False, True])
        self.assertEqual(await got(self.a.user_connections(APP, "u1")), 0)
        await self.world.settle()
        self.assertEqual(self.ear.users, [UserChange(APP, "u1", True), UserChange(APP, "u1", False)])
        self.assertFalse(await got(self.a.user_down(APP, "nobody", "a", "1")))


class NodeContract(AuthorityCase):
    """`reap`, `lease`, `register`, and a node that tells everything again"""

    async def test_reap(self) -> None:
        """A lost node's facts are undone as if left one by one, and no other's."""
        for node in ("a", "b"):
            await got(self.world.node(node).occupy(APP, ROOM, node))
            await got(self.world.node(node).count(APP, ROOM, node, 2))
            await self.join(node, f"{node}.1", "both")
            await self.join(node, f"{node}.2", f"only-{node}")
            await got(self.world.node(node).user_up(APP, "both", node, f"{node}.1"))
            await got(self.world.node(node).user_up(APP, f"only-{node}", node, f"{node}.2"))
        await got(self.a.occupy(APP, "c", "a"))
        await self.world.settle()
        self.ear.take()
        self.ear.users.clear()
        for _ in range(2):
            await self.reap("a")
        await self.world.settle()
        self.assertEqual(self.ear.take(), [(False, "only-a")])
        self.assertEqual(self.ear.users, [UserChange(APP, "only-a", False)])
        self.assertEqual(sorted(user for user, _ in await self.members()), ["both", "only-b"])
        self.assertEqual(await got(self.b.channels(APP, "")), {ROOM: ChannelCounts(2, 2)})
        await self.world.advance(GRACE)
        found = sorted(await self.due(self.b), key=str)
        self.assertEqual(found, [("channel_vacated", "c", None), ("member_removed", ROOM, "only-a")])

    async def test_rebuilt(self) -> None:
        """A node may tell all its facts again: what is known already changes nothing (R1)."""

        async def everything() -> None:
            await got(self.a.occupy(APP, ROOM, "a"))
            await got(self.a.count(APP, ROOM, "a", 2))
            for socket, user in (("1.1", "u1"), ("1.2", "u1"), ("1.3", "u2")):
                await self.join("a", socket, user)
            await got(self.a.user_up(APP, "u1", "a", "1.1"))

        await everything()
        before = (await got(self.b.snapshot(APP, ROOM)), await got(self.b.counts(APP, ROOM)))
        heard = (len(self.ear.presence), len(self.ear.users))
        await everything()
        self.assertEqual((await got(self.b.snapshot(APP, ROOM)), await got(self.b.counts(APP, ROOM))), before)
        self.assertEqual((len(self.ear.presence), len(self.ear.users)), heard)
        self.assertEqual(await got(self.b.user_connections(APP, "u1")), 1)

    async def test_every_listener(self) -> None:
        """Every listener hears every change, in the same order."""
        second = Ear()
        self.b.listen(second)
        for number in range(5):
            await self.join("ab"[number % 2], f"1.{number}", f"u{number % 2}")
        for number in range(5):
            await self.part("ab"[number % 2], f"1.{number}")
        await self.world.settle()
        self.assertEqual(second.presence, self.ear.presence)
        self.assertEqual(len(second.presence), 4)
