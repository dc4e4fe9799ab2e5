"""Mirrors: which changes count, and what a comparison with the authority says."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.mirror import Applied, Mirror
from sockudo_tx.interfaces import PresenceChange, Snapshot

MEMBERS = {"u1": "1", "u2": "2"}


def mirror() -> Mirror:
    return Mirror(Snapshot("epoch", 10, MEMBERS))


def change(joined: bool, user_id: str, previous: int = 10, version: int = 11, epoch: str = "epoch") -> PresenceChange:
    return PresenceChange("app", "presence-r", epoch, previous, version, joined, user_id, '"info"')


class ApplyTests(SynchronousTestCase):
    """`apply`"""

    def test_next(self) -> None:
        """The direct successor changes the list."""
        found = mirror()
        self.assertIs(found.apply(change(True, "u3")), Applied.CHANGED)
        self.assertEqual((found.version, found.members), (11, {**MEMBERS, "u3": '"info"'}))
        self.assertIs(found.apply(change(False, "u1", 11, 15)), Applied.CHANGED)
        self.assertEqual((found.version, list(found.members)), (15, ["u2", "u3"]))

    def test_contained(self) -> None:
        """A change that the list has already is nothing."""
        for version in (3, 10):
            found = mirror()
            self.assertIs(found.apply(change(False, "u1", 2, version)), Applied.NOTHING)
            self.assertEqual((found.version, found.members), (10, MEMBERS))

    def test_redundant(self) -> None:
        """Who is there cannot come and who is not cannot go: nothing is told, but the version counts."""
        for redundant in (change(True, "u1"), change(False, "u3")):
            found = mirror()
            self.assertIs(found.apply(redundant), Applied.NOTHING)
            self.assertEqual((found.version, found.members), (11, MEMBERS))

    def test_gap(self) -> None:
        """A change with another predecessor, none, or of another epoch shows a gap and changes nothing."""
        for unknown in (change(True, "u3", 11, 12), change(True, "u3", 0, 12), change(True, "u3", epoch="other")):
            found = mirror()
            self.assertIs(found.apply(unknown), Applied.GAP)
            self.assertEqual((found.version, found.members), (10, MEMBERS))

    def test_first_of_an_empty_channel(self) -> None:
        """A change without a predecessor follows any empty list, and no older one."""
        found = Mirror(Snapshot("epoch", 10, {}))
        self.assertIs(found.apply(change(True, "u3", 0, 9)), Applied.NOTHING)
        self.assertIs(found.apply(change(True, "u3", 0, 12)), Applied.CHANGED)
        self.assertEqual((found.version, list(found.members)), (12, ["u3"]))

    def test_own_copy(self) -> None:
        """The snapshot it was made of stays as it was."""
        members = dict(MEMBERS)
        Mirror(Snapshot("epoch", 10, members)).apply(change(False, "u1"))
        self.assertEqual(members, MEMBERS)


class DataTests(SynchronousTestCase):
    """`data`"""

    def listed(self, found: Mirror) -> object:
        return json.loads(json.loads(found.data()))["presence"]

    def test_current(self) -> None:
        """It is the list as it is, in order, encoded once for each change."""
        found = mirror()
        self.assertEqual(self.listed(found), {"ids": ["u1", "u2"], "hash": {"u1": 1, "u2": 2}, "count": 2})
        self.assertIs(found.data(), found.data())
        found.apply(change(False, "u1"))
        self.assertEqual(self.listed(found), {"ids": ["u2"], "hash": {"u2": 2}, "count": 1})
        found.apply(change(True, 'u"1', 11, 12))
        self.assertEqual(self.listed(found), {"ids": ["u2", 'u"1'], "hash": {"u2": 2, 'u"1': "info"}, "count": 2})
        found.resync(Snapshot("epoch", 20, {}))
        self.assertEqual(self.listed(found), {"ids": [], "hash": {}, "count": 0})


class ResyncTests(SynchronousTestCase):
    """`resync`"""

    def test_difference(self) -> None:
        """Who has gone and who has come, in the order of either list; the list becomes the authority's."""
        found = mirror()
        gone, new = found.resync(Snapshot("other", 3, {"u5": "5", "u2": "2", "u4": "4"}))
        self.assertEqual((gone, new), (["u1"], [("u5", "5"), ("u4", "4")]))
        self.assertEqual((found.epoch, found.version, list(found.members)), ("other", 3, ["u5", "u2", "u4"]))

    def test_another_info(self) -> None:
        """Who left and came back as another has gone and come."""
        found = mirror()
        self.assertEqual(found.resync(Snapshot("epoch", 12, {"u1": "other", "u2": "2"})), (["u1"], [("u1", "other")]))

    def test_same(self) -> None:
        """Nothing, when nothing differs."""
        self.assertEqual(mirror().resync(Snapshot("epoch", 10, MEMBERS)), ([], []))
