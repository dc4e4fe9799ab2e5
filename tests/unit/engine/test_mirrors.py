"""Mirrors of a process: fetched while changes arrive, repaired once, told to those who know less."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.engine.mirror import Mirror
from sockudo_tx.engine.mirrors import Mirrors
from sockudo_tx.engine.registry import Registry
from sockudo_tx.engine.repeats import Repeats
from sockudo_tx.engine.tables import Socket, Subscription
from sockudo_tx.engine.tally import Tally
from sockudo_tx.interfaces import PresenceChange, Snapshot, UserChange
from sockudo_tx.protocol.liveness import Pulse
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.testing import fixture_app

from .case import ROOM
from .delayed import Delayed
from .sinks import RecordingSink


class MirrorsTests(SynchronousTestCase):
    """One channel with two sockets: one knows the list up to version 5, the other up to version 8."""

    def setUp(self) -> None:
        self.authority = Delayed(MemoryAuthority(Clock()), early=True)
        self.registry = Registry(Tally())
        self.mirrors = Mirrors(self.registry, self.authority, Repeats(Clock()))
        self.authority.listen(self)
        self.space = self.registry.space(fixture_app())
        self.sinks = [RecordingSink(), RecordingSink()]
        for sink, version in zip(self.sinks, (5, 8), strict=True):
            socket = Socket(sink, Pulse(0, None))
            self.channel = self.registry.enter(self.space, ChannelName.of(ROOM), socket, Subscription(version))
        self.channel.mirror = Mirror(Snapshot("epoch", 8, {"u1": "1"}))

    presence_changed = property(lambda self: self.mirrors.changed)

    def user_changed(self, change: UserChange) -> None: ...

    def told(self) -> list[list[tuple[str, str]]]:
        found = []
        for sink in self.sinks:
            messages = [json.loads(frame) for frame in sink.frames]
            sink.frames.clear()
            found.append([(m["event"].partition(":")[2], json.loads(m["data"])["user_id"]) for m in messages])
        return found

    def join(self, user_id: str) -> None:
        self.authority.inner.join("app", ROOM, "n", user_id, user_id, "{}", 0)

    def test_newer(self) -> None:
        """A newer list is adopted, and the difference told to all who know less."""
        adopted = self.mirrors.adopt(self.channel, Mirror(Snapshot("epoch", 9, {"u2": "2"})))
        self.assertIs(adopted, self.channel.mirror)
        self.assertEqual(self.told(), [[("member_removed", "u1"), ("member_added", "u2")]] * 2)
        self.mirrors.adopt(self.channel, Mirror(Snapshot("epoch", 9, {})))
        self.assertEqual(self.told(), [[], []])

    def test_known_already(self) -> None:
        """A change is told only to those whose list is older than it."""
        self.channel.mirror = Mirror(Snapshot("epoch", 5, {"u1": "1"}))
        for previous, version, user_id in ((5, 7, "u2"), (7, 9, "u3")):
            self.mirrors.changed(PresenceChange("app", ROOM, "epoch", previous, version, True, user_id, "{}"))
        self.assertEqual(self.told(), [[("member_added", "u2"), ("member_added", "u3")], [("member_added", "u3")]])

    def test_older(self) -> None:
        """An older list is not."""
        adopted = self.mirrors.adopt(self.channel, Mirror(Snapshot("epoch", 7, {})))
        self.assertEqual((adopted.version, adopted.members), (8, {"u1": "1"}))
        self.assertEqual(self.told(), [[], []])

    def test_none_yet(self) -> None:
        """Without a list of one's own any list is."""
        self.channel.mirror = None
        mirror = Mirror(Snapshot("epoch", 1, {}))
        self.assertIs(self.mirrors.adopt(self.channel, mirror), mirror)
        self.assertIs(self.mirrors.adopt(None, mirror), mirror)

    def test_another_epoch(self) -> None:
        """An authority that lost its state counts from the start: its list is adopted, and its changes are heard."""
        self.join("u1")
        self.join("u2")
        self.assertEqual(self.told(), [[("member_removed", "u1"), ("member_added", "u1"), ("member_added", "u2")]] * 2)
        self.assertEqual(self.channel.mirror.epoch, self.authority.epoch)  # type: ignore[union-attr]

    def test_muted(self) -> None:
        """Who changes its identity hears nothing of its two selves, and everything of others."""
        first = next(iter(self.channel.subscribers))
        self.channel.subscribers[first] = Subscription(0, ("u1", "u2"))
        self.mirrors.adopt(self.channel, Mirror(Snapshot("epoch", 9, {"u2": "2", "u3": "3"})))
        self.assertEqual(
            self.told(),
            [[("member_added", "u3")], [("member_removed", "u1"), ("member_added", "u2"), ("member_added", "u3")]],
        )

    def test_fetch(self) -> None:
        """A list has everything that was published on its way, asked for once or more often; nothing is kept."""
        found: list[Mirror] = []
        self.channel.mirror = None
        self.join("u1")
        self.authority.hold("snapshot")
        for user_id in ("u2", "u3"):
            self.mirrors.fetch(("app", ROOM), found.append, self.fail)
            self.join(user_id)
        self.authority.release()
        self.assertEqual([list(mirror.members) for mirror in found], [["u1", "u2", "u3"]] * 2)
        self.assertEqual((self.mirrors._heard, self.mirrors._fetches), ({}, {}))

    def test_lost_on_the_way(self) -> None:
        """A list that what was published on its way does not fit is compared once more."""
        self.channel.mirror = None
        for socket in self.channel.subscribers:
            self.channel.subscribers[socket] = Subscription(0)
        self.join("u1")
        self.authority.hold("snapshot")
        self.mirrors.fetch(("app", ROOM), lambda mirror: setattr(self.channel, "mirror", mirror), self.fail)
        self.authority.deaf = True
        self.join("u2")
        self.authority.deaf = False
        self.join("u3")
        self.authority.release()
        self.assertEqual(self.told()[0], [("member_added", "u2"), ("member_added", "u3")])
        self.assertEqual(self.authority.asked, ["snapshot"] * 2)

    def test_unknown(self) -> None:
        """Changes of channels nobody here is in are none of our business."""
        self.authority.inner.join("app", "presence-other", "n", "s", "u", "{}", 0)
        self.authority.inner.join("other", ROOM, "n", "s", "u", "{}", 0)
        self.assertEqual(self.told(), [[], []])
