"""What a node makes of frames that are strange, come twice, or do not come."""

from __future__ import annotations

from sockudo_tx.engine.cluster.topics import channel_topic
from sockudo_tx.protocol.bus_frames import Decoded, Event, Presence, decode, encode

from .case import ROOM, ClusterCase
from .contract import on_every_pair
from .world import APP

HALL = "hall"


class FrameCases(ClusterCase):
    """One client on each node."""

    async def gather(self) -> None:
        self.clients_of = await self.clients(self.a, self.b, self.c)
        await self.enter(self.clients_of, HALL)

    async def test_S16_strange_frames(self) -> None:
        """A frame of an unknown version and one of an unknown kind are counted and ignored; traffic goes on."""
        await self.gather()
        before = self.b.engine.cluster_tally.ignored.total()
        for strange in (b"\2\1\0\0\0\2{}", b"\1\xc8\0\0\0\2{}", b"", b"\1\1\xff\xff\xff\xff", b"\1\1\0\0\0\3{x}"):
            self.a.bus.publish(channel_topic(APP.id, HALL), strange)
            self.world.publish(self.a, [HALL])
        await self.look()
        self.assertEqual(self.b.engine.cluster_tally.ignored.total() - before, 5)

    async def test_S17_doubled(self) -> None:
        """A frame that comes twice is delivered once."""
        await self.gather()
        self.b.bus.doubling = lambda frame: True
        before = self.b.bus.received_kinds.get("Event", 0)
        for _ in range(5):
            self.world.publish(self.a, [HALL])
            self.world.publish(self.c, [HALL])
        await self.settle()
        self.assertEqual(self.b.bus.received_kinds["Event"] - before, 10)
        await self.look()

    async def test_S17_overtaken(self) -> None:
        """One that comes again behind later ones is no event any more."""
        await self.gather()
        for _ in range(3):
            self.world.publish(self.a, [HALL])
        await self.settle()
        came = [frame for _, frame in self.b.bus.recent if b'"n\\":' in frame]
        self.assertEqual(len(came), 3)
        duplicates = self.b.engine.cluster_tally.duplicates
        for frame in came:
            self.b.bus.received(channel_topic(APP.id, HALL), frame)
        await self.look()
        self.assertEqual(self.b.engine.cluster_tally.duplicates - duplicates, 3)

    async def test_S29_withheld(self) -> None:
        """A presence change that is lost is noticed at the next one, and clients end with the true list."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"))
        self.b.bus.dropping = lambda frame: isinstance(frame, Decoded) and isinstance(frame.header, Presence)
        await self.members((self.a, "m2"))
        self.b.bus.dropping = None
        self.assertEqual(set(clients[1].places[ROOM].members), {"m0", "m1"})
        await self.members((self.c, "m3"))
        self.assertEqual(set(clients[1].places[ROOM].members), {"m0", "m1", "m2", "m3"})
        self.assertEqual(sorted(clients[1].take()), [("added", "m2"), ("added", "m3")])
        await self.look()

    async def test_S29_withheld_for_good(self) -> None:
        """Where nothing comes behind it, an audit notices."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"))
        self.b.bus.dropping = lambda frame: isinstance(frame, Decoded) and isinstance(frame.header, Presence)
        self.world.leave(clients[0])
        await self.settle()
        self.world.unrepaired = True
        await self.look()
        self.assertEqual(clients[1].take(), [("removed", "m0")])

    async def test_redundant_change(self) -> None:
        """A change that says what is known already is told to nobody."""
        clients = await self.members((self.a, "m0"), (self.b, "m1"), (self.c, "m2"))
        topic, frame = next(each for each in reversed(self.b.bus.recent) if b'"u":"m2"' in each[1])
        found = decode(frame)
        assert isinstance(found, Decoded)
        change = found.header
        assert isinstance(change, Presence)
        change.previous, change.version = change.version, f"{int(change.version) + 1:016d}"
        clients[1].take()
        self.b.bus.received(topic, encode(change, found.body))
        await self.settle()
        self.assertEqual(clients[1].take(), [])
        self.world.unrepaired = True
        await self.look()

    async def test_lost_events_are_counted(self) -> None:
        """What is lost of a publisher's events shows at the next one, as a gap."""
        await self.gather()
        self.world.publish(self.a, [HALL])
        await self.settle()
        self.b.bus.dropping = lambda frame: isinstance(frame, Decoded) and isinstance(frame.header, Event)
        self.world.publish(self.a, [HALL])
        await self.settle()
        self.b.bus.dropping = None
        gaps = self.b.engine.cluster_tally.gaps
        self.world.publish(self.a, [HALL])
        await self.settle()
        self.assertEqual(self.b.engine.cluster_tally.gaps - gaps, 1)
        await self.look()


globals().update(on_every_pair(FrameCases))
