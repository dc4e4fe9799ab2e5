"""Members of presence channels: what every authority promises of them."""

from __future__ import annotations

import itertools

from .authority_case import APP, GRACE, ROOM, AuthorityCase, got
from .churn import churn, seeded

__all__ = ["PresenceContract"]


class PresenceContract(AuthorityCase):
    """`join`, `part`, `snapshot` and the changes that are published"""

    async def test_first_and_last(self) -> None:
        """Of a user's sockets on all nodes one is the first and one the last; only those two are published."""
        joins = [await self.join(n, f"{n}.{k}", "u1") for k in (1, 2) for n in ("a", "b")]
        self.assertEqual([joined.first for joined in joins], [True, False, False, False])
        self.assertEqual([joined.outcome for joined in joins], ["ok"] * 4)
        self.assertEqual(self.ear.take(), [(True, "u1")])
        parts = [await self.part(n, f"{n}.{k}") for n in ("b", "a") for k in (1, 2)]
        self.assertEqual([parted.last for parted in parts], [False, False, False, True])
        self.assertEqual(self.ear.take(), [(False, "u1")])
        self.assertEqual(await self.members(), [])

    async def test_published_in_the_step(self) -> None:
        """The answer's version is the change's, and a snapshot at least that new has the change."""
        joined = await self.join("a", "1.1", "u1", '{"n":1}')
        (change,) = self.ear.presence
        self.assertEqual(change[:2], (APP, ROOM))
        self.assertEqual((change.joined, change.user_id, change.user_info), (True, "u1", '{"n":1}'))
        self.assertEqual(change.version, joined.version)
        snapshot = await got(self.b.snapshot(APP, ROOM))
        self.assertEqual((snapshot.epoch, snapshot.version), (change.epoch, change.version))
        self.assertEqual(snapshot.epoch, self.a.epoch)
        parted = await self.part("a", "1.1")
        self.assertEqual(self.ear.presence[1].version, parted.version)

    async def test_versions(self) -> None:
        """Each change names its predecessor in the channel, and versions never repeat, not even after an empty channel."""
        for socket, user in (("1.1", "u1"), ("1.2", "u2")):
            await self.join("a", socket, user)
            await self.join("b", f"2{socket}", user, channel="presence-other")
        await self.part("a", "1.1")
        await self.part("a", "1.2")
        await self.join("b", "1.3", "u3")
        here = [change for change in self.ear.presence if change.channel == ROOM]
        self.assertEqual(here[0].previous, 0)
        for before, after in itertools.pairwise(here[:4]):
            self.assertEqual(after.previous, before.version)
        self.assertIn(here[4].previous, (0, here[3].version))
        versions = [change.version for change in self.ear.presence]
        self.assertEqual(len(set(versions)), len(versions))
        self.assertEqual(sorted(change.version for change in here), [change.version for change in here])

    async def test_user_info(self) -> None:
        """The first connection's info counts until the user has left completely."""
        await self.join("a", "1.1", "u1", "1")
        await self.join("b", "2.1", "u1", "2")
        await self.part("a", "1.1")
        self.assertEqual(await self.members(), [("u1", "1")])
        await self.part("b", "2.1")
        await self.join("b", "2.1", "u1", "3")
        self.assertEqual(await self.members(), [("u1", "3")])

    async def test_order(self) -> None:
        """Members are listed in the order they joined; who left and came back is last."""
        for number, user in enumerate(("c", "a", "b")):
            await self.join("a", f"1.{number}", user)
        await self.part("a", "1.0")
        await self.join("b", "2.1", "c")
        self.assertEqual([user for user, _ in await self.members()], ["a", "b", "c"])

    async def test_again(self) -> None:
        """A join or part that is repeated changes nothing and publishes nothing."""
        first = await self.join("a", "1.1", "u1")
        again = await self.join("a", "1.1", "u1")
        self.assertEqual((again.outcome, again.first, again.webhook), ("dup", False, False))
        self.assertEqual(again.version, first.version)
        self.assertTrue((await self.part("a", "1.1")).last)
        self.assertFalse((await self.part("a", "1.1")).last)
        self.assertFalse((await self.part("b", "9.9", "presence-nobody")).last)
        self.assertEqual(self.ear.take(), [(True, "u1"), (False, "u1")])

    async def test_limit(self) -> None:
        """A full channel refuses new users, not new sockets of its members; a refusal changes nothing."""
        await self.join("a", "1.1", "u1", limit=2)
        await self.join("b", "2.1", "u2", limit=2)
        before = await got(self.a.snapshot(APP, ROOM))
        self.ear.take()
        self.assertEqual((await self.join("b", "2.2", "u3", limit=2)).outcome, "limit")
        self.assertEqual((await self.join("a", "1.2", "u2", limit=2)).outcome, "ok")
        self.assertEqual((await self.join("a", "1.3", "u2", limit=1)).outcome, "ok")
        self.assertEqual(await got(self.a.snapshot(APP, ROOM)), before)
        self.assertEqual(self.ear.take(), [])
        self.assertFalse((await self.part("b", "2.2")).last)
        self.assertEqual((await self.join("b", "2.2", "u3", limit=0)).outcome, "ok")

    async def test_limit_makes_room(self) -> None:
        """A place is free when the last socket of a member has left, and not before."""
        await self.join("a", "1.1", "u1", limit=1)
        await self.join("b", "2.1", "u1", limit=1)
        await self.part("a", "1.1")
        self.assertEqual((await self.join("a", "1.2", "u2", limit=1)).outcome, "limit")
        await self.part("b", "2.1")
        self.assertEqual((await self.join("a", "1.2", "u2", limit=1)).outcome, "ok")

    async def test_short_absence(self) -> None:
        """Who is back within the grace was never removed and is not newly added; clients are told all the same."""
        self.assertTrue((await self.join("a", "1.1", "u1")).webhook)
        await self.part("a", "1.1")
        await self.world.advance(GRACE / 2)
        back = await self.join("b", "2.1", "u1")
        self.assertEqual((back.first, back.webhook), (True, False))
        self.assertEqual(self.ear.take(), [(True, "u1"), (False, "u1"), (True, "u1")])
        await self.world.advance(GRACE)
        self.assertEqual(await self.due(), [])

    async def test_removed_once(self) -> None:
        """After the grace one caller learns of the removal, once, and the user is new again."""
        await self.join("a", "1.1", "u1")
        await self.part("a", "1.1")
        await self.world.advance(GRACE)
        told = [await self.due(self.b), await self.due(self.a)]
        self.assertEqual(told[0] + told[1], [("member_removed", ROOM, "u1")])
        self.assertTrue((await self.join("a", "1.1", "u1")).webhook)

    async def test_separate(self) -> None:
        """The same names in another app or channel are other things."""
        await self.join("a", "1.1", "u1")
        await self.part("a", "1.1")
        self.assertTrue((await self.join("a", "1.2", "u1", channel="presence-other")).webhook)
        self.assertTrue((await got(self.a.join("other", ROOM, "a", "1.3", "u1", "{}", 0))).webhook)
        self.assertTrue(await got(self.a.occupy("other", ROOM, "a")))
        await self.world.advance(GRACE)
        self.assertEqual(await self.due(), [("member_removed", ROOM, "u1")])

    async def test_churn(self) -> None:
        """Random joins and parts by two nodes: every mirror always shows the true members."""
        for seed in range(4):
            await churn(self.world, seeded(seed, 150, lossy=False))

    async def test_churn_with_losses(self) -> None:
        """The same when changes are lost on the way: a gap is noticed at the next change and repaired."""
        for seed in range(4):
            await churn(self.world, seeded(seed, 150, lossy=True))
