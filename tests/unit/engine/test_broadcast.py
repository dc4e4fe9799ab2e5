"""Broadcast: who gets an event, how often it is encoded, and what may be dropped."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.broadcast import deliver, deliver_control, publish_locally, send
from sockudo_tx.engine.registry import Registry
from sockudo_tx.engine.tables import PLAIN_SUBSCRIPTION, Socket
from sockudo_tx.engine.tally import AppTally, Tally
from sockudo_tx.protocol.liveness import Pulse
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.testing import fixture_app

from .sinks import Framing, RecordingSink


def socket(framing: Framing) -> Socket:
    return Socket(RecordingSink(framing), Pulse(0, None))


def frames(sockets: list[Socket]) -> list[list[bytes]]:
    found = []
    for one in sockets:
        assert isinstance(one.sink, RecordingSink)
        found.append(one.sink.frames)
    return found


class DeliverTests(SynchronousTestCase):
    """`deliver`, `deliver_control`, `send`"""

    def setUp(self) -> None:
        self.plain, self.other = Framing(b"p:"), Framing(b"o:")
        self.sockets = [socket(framing) for framing in (self.plain, self.other, self.plain, self.plain, self.other)]

    def test_framed_once(self) -> None:
        """Sinks of one framing share the very bytes, in whatever order they come."""
        self.assertEqual(deliver(self.sockets, "é", AppTally()), 5)
        found = frames(self.sockets)
        self.assertEqual(
            [frame for (frame,) in found], [b"p:\xc3\xa9", b"o:\xc3\xa9", b"p:\xc3\xa9", b"p:\xc3\xa9", b"o:\xc3\xa9"]
        )
        self.assertIs(found[0][0], found[3][0])
        self.assertIs(found[1][0], found[4][0])
        self.assertEqual((self.plain.framed, self.other.framed), (1, 1))

    def test_control_framed_once(self) -> None:
        """The same for messages that are never dropped."""
        deliver_control(self.sockets, "x", AppTally())
        self.assertEqual((self.plain.framed, self.other.framed), (1, 1))
        self.assertEqual([one.sink.ordinary for one in self.sockets], [[]] * 5)  # type: ignore[attr-defined]

    def test_excluded(self) -> None:
        """The excluded socket gets nothing, and its framing costs nothing when nobody else has it."""
        self.assertEqual(deliver(self.sockets[:2], "x", AppTally(), self.sockets[1]), 1)
        self.assertEqual(self.other.framed, 0)
        self.assertEqual(deliver([], "x", AppTally()), 0)

    def test_kinds(self) -> None:
        """Ordinary events may be dropped by a slow sink; replies, presence and counts may not."""
        deliver(self.sockets[:1], "event", AppTally())
        send(self.sockets[0], "reply")
        deliver_control(self.sockets[:1], "count", AppTally())
        sink = self.sockets[0].sink
        assert isinstance(sink, RecordingSink)
        self.assertEqual((sink.ordinary, sink.frames), ([b"p:event"], [b"p:event", b"p:reply", b"p:count"]))


class PublishTests(SynchronousTestCase):
    """`publish_locally`"""

    def setUp(self) -> None:
        self.registry = Registry(Tally())
        self.space = self.registry.space(fixture_app())
        self.sockets = [socket(Framing()) for _ in range(3)]
        for number, one in enumerate(self.sockets):
            one.id = f"1.{number}"
            self.registry.add(self.space, one)

    def test_channel(self) -> None:
        """Subscribers only, but not the excluded one; an unknown socket id excludes nobody."""
        for one in self.sockets[:2]:
            self.registry.enter(self.space, ChannelName.of("news"), one, PLAIN_SUBSCRIPTION)
        self.assertEqual(publish_locally(self.space, "news", "1", None), 2)
        self.assertEqual(publish_locally(self.space, "news", "2", "1.0"), 1)
        self.assertEqual(publish_locally(self.space, "news", "3", "9.9"), 2)
        self.assertEqual(publish_locally(self.space, "other", "4", None), 0)
        self.assertEqual(frames(self.sockets), [[b"1", b"3"], [b"1", b"2", b"3"], []])

    def crowd(self, size: int, name: str = "news") -> list[Socket]:
        """Subscribers of a channel, of two framings."""
        self.kinds = (Framing(b"p:"), Framing(b"o:"))
        sockets = [socket(self.kinds[number % 2]) for number in range(size)]
        for one in sockets:
            self.registry.enter(self.space, ChannelName.of(name), one, PLAIN_SUBSCRIPTION)
        return sockets

    def test_crowd(self) -> None:
        """Many subscribers are handed over together, once for each framing, framed once for each."""
        sockets = self.crowd(50)
        self.assertEqual(publish_locally(self.space, "news", "1", None), 50)
        self.assertEqual(frames(sockets), [[b"p:1"], [b"o:1"]] * 25)
        self.assertEqual([(kind.framed, kind.pushed_all) for kind in self.kinds], [(1, 1)] * 2)

    def test_crowd_changes(self) -> None:
        """Who comes is there for the next event, who leaves is not."""
        sockets = self.crowd(30)
        publish_locally(self.space, "news", "1", None)
        self.registry.exit(self.space, "news", sockets[0])
        self.assertEqual(publish_locally(self.space, "news", "2", None), 29)
        self.registry.enter(self.space, ChannelName.of("news"), self.sockets[0], PLAIN_SUBSCRIPTION)
        self.assertEqual(publish_locally(self.space, "news", "3", None), 30)
        self.assertEqual(
            frames([sockets[0], sockets[2], self.sockets[0]]), [[b"p:1"], [b"p:1", b"p:2", b"p:3"], [b"3"]]
        )

    def test_crowd_same_tuple(self) -> None:
        """While nobody comes or goes the framing sees the very same tuple, by which it may join frames."""
        seen = []
        self.crowd(20)
        self.kinds[0].push_all = lambda sinks, frame: seen.append(sinks)  # type: ignore[method-assign]
        for text in "12":
            publish_locally(self.space, "news", text, None)
        self.assertIs(seen[0], seen[1])

    def test_crowd_without_one(self) -> None:
        """The excluded socket of a crowd gets nothing; one that is not in it, or nowhere, changes nothing."""
        sockets = self.crowd(20)
        sockets[3].id = "7.3"
        self.registry.add(self.space, sockets[3])
        self.assertEqual(publish_locally(self.space, "news", "1", "7.3"), 19)
        self.assertEqual(publish_locally(self.space, "news", "2", "1.1"), 20)
        self.assertEqual(publish_locally(self.space, "news", "3", "9.9"), 20)
        self.assertEqual(frames(sockets[2:5]), [[b"p:1", b"p:2", b"p:3"], [b"o:2", b"o:3"], [b"p:1", b"p:2", b"p:3"]])

    def test_nobody_left_of_a_kind(self) -> None:
        """A framing whose only sink is excluded is not asked to frame anything."""
        sockets = self.crowd(20)
        alone = Framing(b"a:")
        sockets[0].sink = RecordingSink(alone)
        sockets[0].id = "7.0"
        self.registry.add(self.space, sockets[0])
        self.assertEqual(publish_locally(self.space, "news", "1", "7.0"), 19)
        self.assertEqual(alone.framed, 0)

    def test_user(self) -> None:
        """The sockets signed in as the user, but not the excluded one."""
        for one in self.sockets[:2]:
            self.registry.bind(self.space.users, "u1", one)
        self.assertEqual(publish_locally(self.space, "#server-to-user-u1", "1", None), 2)
        self.assertEqual(publish_locally(self.space, "#server-to-user-u1", "2", "1.1"), 1)
        self.assertEqual(publish_locally(self.space, "#server-to-user-u2", "3", None), 0)
        self.assertEqual(frames(self.sockets), [[b"1", b"2"], [b"1"], []])
