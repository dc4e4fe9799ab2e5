"""The exchange and its stations, with workers on real socket pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.hub import wire
from sockudo_tx.backends.hub.authority import HubAuthority
from sockudo_tx.backends.hub.bus import HubBus
from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.backends.hub.wire import GroupState, Kind
from sockudo_tx.engine.cluster.topics import CONTROL, channel_topic, user_topic
from sockudo_tx.hub.station import UNSENT_AT_MOST
from sockudo_tx.interfaces import BackendError, ChannelCounts
from sockudo_tx.protocol.bus_frames import Control, Decoded, Presence, UserChange, decode
from tests.contract.hub_link import Group, turns

ROOM = channel_topic("a", "presence-r")


class Ear:
    """Keeps what a bus hands it."""

    def __init__(self, link: HubLink) -> None:
        self.bus = HubBus(link)
        self.bus.listen(self)
        self.frames: list[tuple[str, bytes]] = []

    def received(self, topic: str, frame: bytes) -> None:
        self.frames.append((topic, frame))

    def bus_up(self) -> None: ...

    def bus_down(self, reason: str) -> None: ...

    def headers(self) -> list[Any]:
        return [found.header for _, frame in self.frames if isinstance(found := decode(frame), Decoded)]


class ExchangeCase(TestCase):
    """A hub with three workers."""

    timeout = 20

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        self.clock = Clock()
        self.group = Group(clock=self.clock)
        self.addCleanup(self.group.close)
        self.links = [await self.group.welcomed(slot) for slot in range(3)]
        self.ears = [Ear(link) for link in self.links]
        self.nodes = [link.hello.node for link in self.links]
        self.authorities = [HubAuthority(link) for link in self.links]

    async def until(self, true: Callable[[], object]) -> None:
        while not true():
            await turns(self.group.reactor, 0.001)

    async def all_heard(self) -> None:
        """Everything that was said has been taken."""
        for link in self.links:
            if link.alive:
                await link.call("bus", "unsubscribe", None, "nothing")
        for link in self.links:
            if link.alive:
                await link.call("bus", "unsubscribe", None, "nothing")


class RelayTests(ExchangeCase):
    """Frames between workers"""

    async def test_to_subscribers_only(self) -> None:
        """A frame reaches those that have subscribed, and never who sent it; nobody else is sent anything."""
        for ear in self.ears[:2]:
            await ear.bus.subscribe("t")
        before = self.group.exchange.delivered
        self.ears[0].bus.publish("t", b"1")
        self.ears[2].bus.publish("t", b"2")
        self.ears[1].bus.publish("other", b"3")
        await self.all_heard()
        self.assertEqual(self.ears[0].frames, [("t", b"2")])
        self.assertEqual(sorted(self.ears[1].frames), [("t", b"1"), ("t", b"2")])
        self.assertEqual(self.ears[2].frames, [])
        self.assertEqual((self.group.exchange.relayed, self.group.exchange.delivered - before), (3, 3))

    async def test_from_the_answer_on(self) -> None:
        """No frame is missed that was published after the answer; after unsubscribing none comes, and nothing stays."""
        await self.ears[0].bus.subscribe("t")
        self.ears[1].bus.publish("t", b"1")
        await self.all_heard()
        self.ears[0].bus.unsubscribe("t")
        await self.all_heard()
        self.ears[1].bus.publish("t", b"2")
        await self.all_heard()
        self.assertEqual(self.ears[0].frames, [("t", b"1")])
        self.assertEqual(self.group.exchange.tables()["hub.topics"], 0)

    async def test_twice(self) -> None:
        """Who subscribes twice gets each frame once, and one unsubscribing ends it."""
        await self.ears[0].bus.subscribe("t")
        await self.ears[0].bus.subscribe("t")
        self.ears[1].bus.publish("t", b"1")
        await self.all_heard()
        self.ears[0].bus.unsubscribe("t")
        self.ears[0].bus.unsubscribe("t")
        await self.all_heard()
        self.ears[1].bus.publish("t", b"2")
        await self.all_heard()
        self.assertEqual(self.ears[0].frames, [("t", b"1")])

    async def test_in_order(self) -> None:
        """Each publisher's frames of a topic come in its order, however many and however large they are."""
        await self.ears[2].bus.subscribe("t")
        for number in range(600):
            for sender in (0, 1):
                data = bytes([sender]) + number.to_bytes(2, "big") + bytes(20_000 if number % 7 == 0 else 50)
                self.ears[sender].bus.publish("t", data)
            if number % 100 == 0:
                await turns(self.group.reactor)
        await self.until(lambda: len(self.ears[2].frames) == 1200)
        for sender in (0, 1):
            numbers = [int.from_bytes(f[1:3], "big") for _, f in self.ears[2].frames if f[0] == sender]
            self.assertEqual(numbers, list(range(600)))

    async def test_slow_reader(self) -> None:
        """A worker that does not read keeps nobody else waiting, and then gets everything."""
        transport: Any = self.links[2].transport
        for ear in self.ears[1:]:
            await ear.bus.subscribe("t")
        transport.pauseProducing()
        for _ in range(200):
            self.ears[0].bus.publish("t", bytes(50_000))
        await self.until(lambda: len(self.ears[1].frames) == 200)
        self.assertGreater(self.group.stations[2].unsent, 5_000_000)
        transport.resumeProducing()
        await self.until(lambda: len(self.ears[2].frames) == 200)
        self.assertEqual((self.group.stations[2].unsent, self.group.overflowed), (0, []))

    async def test_overflow(self) -> None:
        """A worker that lets too much wait counts as hung: its link is cut, and the others go on."""
        transport: Any = self.links[2].transport
        for ear in self.ears[1:]:
            await ear.bus.subscribe("t")
        transport.pauseProducing()
        for _ in range(UNSENT_AT_MOST // 4_000_000 + 2):
            self.ears[0].bus.publish("t", bytes(4_000_000))
            await self.all_but_the_last()
        self.assertEqual(self.group.overflowed, [self.group.stations[2]])
        await self.until(lambda: self.group.were_gone)
        self.assertEqual(self.group.stations[2].unsent, 0)
        self.assertEqual(len(self.ears[1].frames), UNSENT_AT_MOST // 4_000_000 + 2)
        transport.resumeProducing()

    async def test_overflow_is_told_once(self) -> None:
        """Whatever else of the same turn is for it."""
        await self.ears[1].bus.subscribe("t")
        self.group.stations[1].unsent_at_most = 1000
        for _ in range(3):
            self.group.exchange.publish("t", bytes(1000))
        self.assertEqual(self.group.overflowed, [self.group.stations[1]])
        await self.until(lambda: self.group.were_gone)

    async def all_but_the_last(self) -> None:
        for link in self.links[:2]:
            await link.call("bus", "unsubscribe", None, "nothing")


class AuthorityTests(ExchangeCase):
    """What the authority publishes"""

    async def test_presence(self) -> None:
        """Each change is a frame to all who have subscribed, who made it too, before its answer; to others nothing."""
        for ear in self.ears[:2]:
            await ear.bus.subscribe(ROOM)
        joined = await self.authorities[0].join("a", "presence-r", self.nodes[0], "1.1", "u", '{"n":"ü"}', 0)
        self.assertEqual(len(self.ears[0].frames), 1)
        parted = await self.authorities[0].part("a", "presence-r", self.nodes[0], "1.1")
        await self.all_heard()
        epoch = self.group.authority.epoch
        none, first, second = (f"{version:016d}" for version in (0, joined.version, parted.version))
        for ear in self.ears[:2]:
            self.assertEqual(
                ear.headers(),
                [
                    Presence("a", "presence-r", epoch, none, first, "+", "u"),
                    Presence("a", "presence-r", epoch, first, second, "-", "u"),
                ],
            )
            self.assertEqual([each[0] for each in ear.frames], [ROOM, ROOM])
        self.assertEqual(self.ears[2].frames, [])

    async def test_users(self) -> None:
        """A user's coming and going is told on the user's topic."""
        await self.ears[1].bus.subscribe(user_topic("a", "u"))
        await self.authorities[0].user_up("a", "u", self.nodes[0], "1.1")
        await self.authorities[2].user_up("a", "u", self.nodes[2], "3.1")
        await self.authorities[0].user_down("a", "u", self.nodes[0], "1.1")
        await self.authorities[2].user_down("a", "u", self.nodes[2], "3.1")
        await self.all_heard()
        self.assertEqual(self.ears[1].headers(), [UserChange("a", "u", "+"), UserChange("a", "u", "-")])

    async def test_one_truth(self) -> None:
        """Of all workers only the first is told that a channel is occupied, whoever asks."""
        occupied = [
            await authority.occupy("a", "c", node) for authority, node in zip(self.authorities, self.nodes, strict=True)
        ]
        self.assertEqual(occupied, [True, False, False])


class GoneTests(ExchangeCase):
    """Workers that go"""

    async def test_untold_totals(self) -> None:
        """A total that somebody died with is told by another one, unless it had asked for the next, or said goodbye."""
        authority = self.group.authority
        for channel in ("told", "untold"):
            authority.occupy("a", channel, self.nodes[2])
            authority.count("a", channel, self.nodes[2], 3, pace=1.0)
            self.clock.advance(0.1)
            found = (await self.authorities[0].due(50)).found
            self.assertEqual([(due.channel, due.total) for due in found], [(channel, 3)])
        self.links[0].cut()
        await self.until(lambda: self.group.were_gone)
        self.clock.advance(0.1)
        found = (await self.authorities[1].due(50)).found
        self.assertEqual([(due.channel, due.total, due.again) for due in found], [("untold", 3, True)])
        self.links[1].bye()
        await self.until(lambda: len(self.group.were_gone) == 2)
        self.clock.advance(0.1)
        self.assertEqual((await self.authorities[2].due(50)).found, [])

    async def test_gone(self) -> None:
        """What a dead worker had is removed as if it had left, and then all are told that it is gone, once."""
        for ear in self.ears[1:]:
            await ear.bus.subscribe(ROOM)
            await ear.bus.subscribe(CONTROL)
        await self.ears[0].bus.subscribe("of the dead")
        for number in range(500):
            user = f"u{number}"
            await self.authorities[0].join("a", "presence-r", self.nodes[0], f"1.{number}", user, "{}", 0)
        await self.authorities[1].join("a", "presence-r", self.nodes[1], "2.1", "u0", "{}", 0)
        await self.authorities[0].conn_open("a", self.nodes[0], 0)
        self.links[0].cut()
        await self.until(lambda: any(isinstance(header, Control) for header in self.ears[1].headers()))
        await self.all_heard()
        self.assertEqual([(station.slot, station.left) for station in self.group.were_gone], [(0, False)])
        for ear in self.ears[1:]:
            headers = ear.headers()
            left = [header.user_id for header in headers if isinstance(header, Presence) and header.change == "-"]
            self.assertEqual(sorted(left), sorted(f"u{number}" for number in range(1, 500)))
            self.assertEqual((headers[-1].op, headers[-1].about), ("gone", self.nodes[0]))
        self.assertEqual(list((await self.authorities[2].snapshot("a", "presence-r")).members), ["u0"])
        await self.until(lambda: b"of the dead" not in self.group.exchange._routes)
        await self.authorities[1].part("a", "presence-r", self.nodes[1], "2.1")
        self.assertEqual(self.group.authority.tables()["authority.apps"], 0)

    async def test_others_are_served_meanwhile(self) -> None:
        """Removing much takes many turns, between which the others have theirs."""
        for number in range(3000):
            self.group.authority.join("a", f"presence-{number}", self.nodes[0], "1.1", "u", "{}", 0)
        self.links[0].cut()
        await self.until(lambda: self.group.were_gone)
        left = (await self.authorities[1].channels("a", "")).keys() or self.group.authority._apps["a"].presence.keys()
        self.assertTrue(0 < len(left) < 3000)
        await self.until(lambda: not self.group.authority._apps)

    async def test_every_id(self) -> None:
        """A worker that has changed its id leaves nothing under either."""
        await self.authorities[0].conn_open("a", self.nodes[0], 0)
        await self.authorities[0].lease("another", 30)
        await self.authorities[0].conn_open("a", "another", 0)
        self.links[0].cut()
        await self.until(lambda: not self.group.authority.tables()["authority.apps"])
        self.assertTrue((await self.authorities[1].lease("another", 30)).fenced)

    async def test_goodbye(self) -> None:
        """A worker that leaves is told from one that was lost; what it had not taken back is removed all the same."""
        await self.authorities[0].conn_open("a", self.nodes[0], 0)
        self.links[0].bye()
        await self.until(lambda: self.group.were_gone)
        self.assertTrue(self.group.stations[0].left)
        await self.until(lambda: not self.group.authority.tables()["authority.apps"])

    async def test_nonsense(self) -> None:
        """A worker that says what is no message is cut, whatever it is; the others notice nothing."""
        await self.ears[1].bus.subscribe("t")
        for number, nonsense in enumerate(
            (
                b"\xff" * 50,
                wire.message(Kind.FRAME, b"\xff\xff"),
                wire.message(Kind.CALLS, b"\xc1"),
                wire.message(Kind.CALLS, wire.encode("text")),
                wire.message(Kind.WELCOME),
                wire.message(Kind.HELLO, wire.encode((9, 1, "again"))),
                wire.message(Kind.PONG),
            )
        ):
            link = await self.group.welcomed(5 + number)
            link.send(nonsense)
            await self.until(lambda number=number: len(self.group.were_gone) == number + 1)  # type: ignore[misc]
        self.ears[2].bus.publish("t", b"1")
        await self.all_heard()
        self.assertEqual(self.ears[1].frames, [("t", b"1")])

    async def test_nobody_yet(self) -> None:
        """Who has not said who it is may ask for nothing; nor may it be somebody else."""
        for hello in (b"", wire.message(Kind.HELLO, wire.encode((3, 1, "n"))), wire.message(Kind.HELLO, b"\xc0")):
            link = self.group.connect(4)
            link._out[:] = [hello] if hello else [wire.message(Kind.READY)]
            await self.until(lambda link=link: not link.alive)  # type: ignore[misc]
        self.assertEqual(len(self.group.exchange.stations), 3)


class CallTests(ExchangeCase):
    """Calls that cannot be done"""

    async def test_mistakes(self) -> None:
        """An unknown method, or arguments that fit none, fail their caller alone; its next call is done."""
        calls = [
            self.links[0].call("authority", "listen", None, None),
            self.links[0].call("authority", "epoch", None),
            self.links[0].call("cache", "get", None, "k"),
            self.links[0].call("authority", "occupy", bool),
            self.links[0].call("authority", "occupy", bool, [], {}, 3),
            self.links[0].call("authority", "register", None, "n", [1]),
            self.links[0].call("authority", "lease", None, ["n"], 3),
        ]
        good = self.authorities[0].occupy("a", "c", self.nodes[0])
        for call in calls:
            await self.assertFailure(call, BackendError)
        self.assertTrue(await good)
        self.assertEqual(len(self.flushLoggedErrors()), 7)
        self.links[0].cut()
        await self.until(lambda: not self.group.authority.totals())

    async def test_many_channels(self) -> None:
        """A long list is made in slices, between which others are served; what was vacated meanwhile is not in it."""
        authority = self.group.authority
        for number in range(5000):
            authority.occupy("a", f"c{number}", self.nodes[0])
            authority.count("a", f"c{number}", self.nodes[0], number + 1)
        listed = self.authorities[0].channels("a", "c")
        short = self.authorities[0].channels("a", "c499")
        counted = self.authorities[1].counts("a", "c7")
        self.assertEqual((await counted).subscriptions, 8)
        self.assertNoResult(listed)
        authority.vacate("a", "c4999", self.nodes[0])
        self.assertEqual(await listed, {f"c{number}": ChannelCounts(number + 1, None) for number in range(4999)})
        self.assertEqual(len(await short), 11)

    async def test_large_answers(self) -> None:
        """Answers that no message holds together come one by one, and one that none holds alone fails alone."""
        authority = self.group.authority
        for app_id, size in (("a", 600), ("b", 600), ("c", 1200)):
            authority.occupy(app_id, "x" * size, self.nodes[1])
        self.patch(wire, "MESSAGE_AT_MOST", 1000)
        one, other, large = (self.authorities[0].channels(app_id, "") for app_id in "abc")
        self.assertEqual([len(*(await one)), len(*(await other))], [600, 600])
        await self.assertFailure(large, BackendError)

    async def test_empty_call(self) -> None:
        """A call of nothing fails, and the rest of its message is done."""
        self.links[0].send(wire.message(Kind.CALLS, wire.encode((1000, [[], [3], ["bus.subscribe", "t"]]))))
        await self.all_heard()
        self.assertEqual(self.group.exchange.tables()["hub.topics"], 1)
        self.assertEqual(len(self.flushLoggedErrors()), 2)


class GroupTests(ExchangeCase):
    """Whoever started the workers"""

    async def test_known(self) -> None:
        """Who is there is known by slot, process and node."""
        stations = self.group.exchange.stations
        self.assertEqual([(each.slot, each.pid) for each in stations], [(0, 1000), (1, 1001), (2, 1002)])
        self.assertEqual([each.node for each in stations], self.nodes)
        self.assertEqual(self.group.was_ready, stations)
        self.assertEqual(self.links[0].welcome.epoch, self.group.authority.epoch)

    async def test_ping(self) -> None:
        """A worker that takes its messages answers a ping."""
        pings = [station.ping() for station in (*self.group.stations, self.group.stations[0])]
        for ping in pings:
            await ping

    async def test_ask(self) -> None:
        """One worker's answer, or the failure to give one."""
        self.links[0].answers["stats"] = lambda: b"0"
        self.assertEqual(await self.group.stations[0].ask("stats"), b"0")
        await self.assertFailure(self.group.stations[1].ask("stats"), BackendError)
        asked = self.group.stations[0].ask("stats")
        self.group.stations[0].cut()
        await self.assertFailure(asked, BackendError)

    async def test_gather(self) -> None:
        """All answers that come within a second; one that does not keeps nobody waiting for longer."""
        for number, link in enumerate(self.links[:2]):
            link.answers["stats"] = lambda number=number: bytes([number])  # type: ignore[misc]
        starting = await self.group.welcomed(3, ready=False)
        starting.answers["stats"] = lambda: b"3"
        self.assertEqual(await self.links[2].gather("stats"), [b"\0", b"\1"])
        transport: Any = self.links[0].transport
        transport.pauseProducing()
        gathered = self.links[1].gather("stats")
        await self.links[1].call("bus", "unsubscribe", None, "nothing")
        await self.group.stations[1].ping()
        self.assertNoResult(gathered)
        self.clock.advance(1)
        self.assertEqual(await gathered, [b"\1"])
        self.assertEqual(self.group.exchange.tables()["hub.questions"], 0)
        transport.resumeProducing()

    async def test_gathered_once(self) -> None:
        """Who asks while others wait gets what they get, and a worker is asked once for all of them."""
        asked: list[Deferred[bytes]] = []

        def answer() -> Deferred[bytes]:
            asked.append(Deferred())
            return asked[-1]

        self.links[0].answers["stats"] = answer
        gathered = [link.gather("stats") for link in self.links]
        await self.all_heard()
        asked[0].callback(b"0")
        self.assertEqual([await each for each in gathered], [[b"0"]] * 3)
        again = self.links[0].gather("stats")
        await self.until(lambda: len(asked) == 2)
        asked[1].callback(b"1")
        self.assertEqual(await again, [b"1"])

    async def test_orders(self) -> None:
        """State and orders reach the worker."""
        told: list[str] = []
        self.links[0].on_drain = lambda: told.append("drain")
        self.links[0].on_hurry = lambda: told.append("hurry")
        self.group.stations[0].tell_state(GroupState(3, (), ""))
        self.group.stations[0].drain()
        self.group.stations[0].hurry()
        await self.group.stations[0].ping()
        self.assertEqual((told, self.links[0].state), (["drain", "hurry"], GroupState(3, (), "")))
