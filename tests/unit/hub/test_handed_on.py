"""A publish is answered when the others have it, and who publishes takes what has come: calls stay in their order."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from sockudo_tx.backends.hub import wire
from sockudo_tx.backends.hub.wire import Kind
from sockudo_tx.engine.cluster.topics import channel_topic
from sockudo_tx.interfaces import BackendError

from .test_exchange import ExchangeCase

ROOM = channel_topic("a", "room")


class HandedOnTests(ExchangeCase):
    """Three workers, the second of which is subscribed"""

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        await super().setUp()
        await self.ears[1].bus.subscribe(ROOM)

    async def test_what_was_handed_on_is_there(self) -> None:
        """Behind the answer another worker takes the frame without a turn of its reactor, if it looks."""
        self.links[1].transport.stopReading()
        self.links[0].call("hub", "here", None)  # type: ignore[unused-awaitable]  # its answer is on its way before
        self.ears[0].bus.publish(ROOM, b"one")
        await self.ears[0].bus.handed_on()
        self.assertEqual(self.ears[1].frames, [])
        self.ears[1].bus.catch_up()
        self.assertEqual(self.ears[1].frames, [(ROOM, b"one")])
        self.ears[1].bus.catch_up()
        self.assertEqual(len(self.ears[1].frames), 1)
        self.links[1].transport.startReading()

    async def test_much(self) -> None:
        """Also what does not go into one read."""
        self.links[1].transport.stopReading()
        for number in range(20):
            self.ears[0].bus.publish(ROOM, b"%05d" % number * 2000)
        await self.ears[0].bus.handed_on()
        self.ears[1].bus.catch_up()
        self.assertEqual([int(frame[:5]) for _, frame in self.ears[1].frames], list(range(20)))
        self.links[1].transport.startReading()

    async def test_in_order(self) -> None:
        """Publishers who go from worker to worker are delivered in the order of their calls."""
        await self.ears[2].bus.subscribe(ROOM)
        for number in range(200):
            ear = self.ears[number % 2]
            ear.bus.catch_up()
            ear.frames.append((ROOM, b"%d" % number))  # as if delivered here
            ear.bus.publish(ROOM, b"%d" % number)
            await ear.bus.handed_on()
        self.ears[1].bus.catch_up()
        self.assertEqual([int(frame) for _, frame in self.ears[1].frames], list(range(200)))
        await self.until(lambda: len(self.ears[2].frames) == 200)
        self.assertEqual([int(frame) for _, frame in self.ears[2].frames], list(range(200)))

    async def test_once_a_turn(self) -> None:
        """However many ask in one turn, the hub is asked once."""
        asked: list[bytes] = []
        station = next(each for each in self.group.stations if each.node == self.nodes[0])
        heard = station._heard[Kind.PASS]
        station._heard[Kind.PASS] = lambda data: (asked.append(data), heard(data))[1]
        waiting = []
        for number in range(20):
            self.ears[0].bus.publish(ROOM, b"%d" % number)
            waiting.append(self.ears[0].bus.handed_on())
        for each in waiting:
            await each
        self.assertEqual(len(asked), 1)

    async def test_not_in_the_middle(self) -> None:
        """Whoever publishes because of something that has just come does not read on before the rest of it is done."""
        order: list[bytes] = []
        station = next(each for each in self.group.stations if each.node == self.nodes[1])

        def received(topic: str, frame: bytes) -> None:
            order.append(frame)
            if len(order) == 1:
                station.transport.getHandle().send(wire.frame_message(ROOM, b"later"))
            self.ears[1].bus.catch_up()

        self.links[1].received = received
        for number in range(3):
            self.ears[0].bus.publish(ROOM, b"%d" % number)
        await self.until(lambda: len(order) == 4)
        self.assertEqual(order, [b"0", b"1", b"2", b"later"])

    async def test_no_hub(self) -> None:
        """It fails when the hub goes, before and after it was asked."""
        waiting: Deferred[None] = self.ears[0].bus.handed_on()
        self.links[0].cut()
        with self.assertRaises(BackendError):
            await waiting
        with self.assertRaises(BackendError):
            await self.ears[0].bus.handed_on()
        self.ears[0].bus.catch_up()
