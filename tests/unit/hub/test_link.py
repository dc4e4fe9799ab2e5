"""A worker's end of its link, with a hub that may not answer."""

from __future__ import annotations

from collections.abc import Callable
from socket import socketpair
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.hub import unanswered, wire
from sockudo_tx.backends.hub.authority import HubAuthority
from sockudo_tx.backends.hub.bus import HubBus
from sockudo_tx.backends.hub.cache import HubCache
from sockudo_tx.backends.hub.end import End
from sockudo_tx.backends.hub.link import UNSENT_AT_MOST, HubLink
from sockudo_tx.backends.hub.pair import adopt
from sockudo_tx.backends.hub.unanswered import ANSWER_WITHIN
from sockudo_tx.backends.hub.webhook_queue import HubQueue
from sockudo_tx.backends.hub.wire import Calls, Kind
from sockudo_tx.interfaces import BackendError, Due, Dues, NodeFacts
from sockudo_tx.reactor import soon
from tests.contract.hub_link import turns
from tests.contract.webhook_queue_case import job


class Peer(End):
    """Keeps what it hears and says only what it is told to."""

    def __init__(self) -> None:
        super().__init__(soon(reactor))
        self.messages: list[bytes] = []
        self.gone = ""

    def heard(self, kind: int, data: bytes) -> None:
        self.messages.append(data)

    def ended(self, reason: str) -> None:
        self.gone = reason

    def kinds(self) -> list[Kind]:
        return [Kind(each[4]) for each in self.messages]

    def calls(self) -> list[Calls]:
        return [wire.decode(memoryview(each)[5:], Calls) for each in self.messages if each[4] == Kind.CALLS]

    def reply(self, first: int, *replies: tuple[bool, object]) -> None:
        self.say(Kind.REPLIES, wire.encode((first, replies)))


class LinkCase(TestCase):
    """A link to a `Peer`, over a real socket pair."""

    timeout = 20

    def setUp(self) -> None:
        self.clock = Clock()
        self.link = HubLink(3, 77, "f" * 16, self.clock, soon(reactor))
        self.peer = Peer()
        ours, theirs = socketpair()
        adopt(reactor, ours, self.link)
        adopt(reactor, theirs, self.peer)
        self.addCleanup(self._close, self.link, self.peer)

    async def _close(self, *ends: End) -> None:
        for end in ends:
            end.cut()
        await self.until(lambda: not any(end.alive for end in ends))
        await turns(reactor, 0.001)

    async def until(self, true: Callable[[], object]) -> None:
        while not true():
            await turns(reactor, 0.001)

    async def heard(self, kind: Kind, count: int = 1) -> None:
        await self.until(lambda: self.peer.kinds().count(kind) >= count)

    def freeze(self) -> None:
        """The hub reads no more."""
        transport: Any = self.peer.transport
        transport.pauseProducing()

    def resume(self) -> None:
        transport: Any = self.peer.transport
        transport.resumeProducing()


class CallTests(LinkCase):
    """`HubLink.call`"""

    async def test_hello_first(self) -> None:
        """The first thing a worker says is who it is."""
        await self.heard(Kind.HELLO)
        self.assertEqual(wire.decode(memoryview(self.peer.messages[0])[5:], wire.Hello), (3, 77, "f" * 16))

    async def test_one_batch_a_turn(self) -> None:
        """What a turn asks is one message, in order; each answer goes to who asked for it, as its own type."""
        one = self.link.call("cache", "get", tuple[str, float] | None, "k")
        other = self.link.call("authority", "occupy", bool, "a", "c", "n")
        await self.heard(Kind.CALLS)
        self.assertEqual(self.peer.calls(), [Calls(1, [["cache.get", "k"], ["authority.occupy", "a", "c", "n"]])])
        self.peer.reply(1, (True, ("v", 1.5)), (True, True))
        self.assertEqual((await one, await other), (("v", 1.5), True))

    async def test_order(self) -> None:
        """Calls and publications leave in the order in which they were made."""
        bus = HubBus(self.link)
        calls: list[Deferred[Any]] = [bus.subscribe("a")]
        bus.publish("a", b"1")
        calls.append(bus.subscribe("b"))
        bus.publish("a", b"2")
        bus.publish("b", b"3")
        await self.heard(Kind.FRAME, 3)
        self.assertEqual(self.peer.kinds(), [Kind.HELLO, Kind.CALLS, Kind.FRAME, Kind.CALLS, Kind.FRAME, Kind.FRAME])
        self.peer.reply(1, (True, None), (True, None))
        for call in calls:
            self.assertIsNone(await call)

    async def test_fails(self) -> None:
        """What fails at the hub fails here as the world's fault, in its words; an answer of another type likewise."""
        calls = [self.link.call("cache", "get", int, "k") for _ in range(2)]
        await self.heard(Kind.CALLS)
        self.peer.reply(1, (False, "no disk"), (True, "no number"))
        for call, words in zip(calls, ("no disk", "not a"), strict=True):
            error = await self.assertFailure(call, BackendError)
            self.assertIn(words, str(error))

    async def test_answers_in_any_order(self) -> None:
        """What takes the hub longer keeps nobody else waiting."""
        calls = [self.link.call("queue", "depth", int) for _ in range(3)]
        await self.heard(Kind.CALLS)
        self.peer.reply(3, (True, 30))
        self.peer.reply(1, (True, 10), (True, 20))
        self.assertEqual([await call for call in calls], [10, 20, 30])

    async def test_frozen(self) -> None:
        """A hub that does not answer fails each call in time, one after the other; its late answers hurt nobody."""
        first = HubCache(self.link).health()
        self.clock.advance(2)
        second = HubCache(self.link).health()
        self.clock.advance(ANSWER_WITHIN - 2.1)
        self.assertNoResult(first)
        self.clock.advance(0.1)
        await self.assertFailure(first, BackendError)
        self.assertNoResult(second)
        self.clock.advance(2)
        await self.assertFailure(second, BackendError)
        self.peer.reply(1, (True, True), (True, True))
        third = HubCache(self.link).health()
        await self.until(lambda: sum(len(each.calls) for each in self.peer.calls()) == 3)
        self.peer.reply(3, (True, True))
        self.assertTrue(await third)

    async def test_given_up(self) -> None:
        """A caller that stops waiting costs nothing, and the others still get theirs."""
        call = HubCache(self.link).health().addTimeout(0.1, self.clock)
        other = HubCache(self.link).health()
        await self.heard(Kind.CALLS)
        self.clock.advance(0.1)
        self.failureResultOf(call)
        self.peer.reply(1, (True, True), (True, True))
        self.assertTrue(await other)

    async def test_late_connection(self) -> None:
        """A connection that was counted when nobody waited for it any more is taken back."""
        opened = HubAuthority(self.link).conn_open("a", "n", 5)
        self.clock.advance(ANSWER_WITHIN)
        await self.assertFailure(opened, BackendError)
        await self.heard(Kind.CALLS)
        self.peer.reply(1, (True, True))
        await self.heard(Kind.CALLS, 2)
        self.assertEqual(self.peer.calls()[1], Calls(2, [["authority.conn_close", "a", "n", 1]]))
        self.peer.reply(2, (True, None))

    async def test_late_dues(self) -> None:
        """What was due, and came when nobody waited for it any more, is told with what is due next."""
        authority = HubAuthority(self.link)
        asked = authority.due(50)
        self.clock.advance(ANSWER_WITHIN)
        await self.assertFailure(asked, BackendError)
        first, second = Due("a", "channel_vacated", "c1"), Due("a", "channel_vacated", "c2")
        await self.heard(Kind.CALLS)
        self.peer.reply(1, (True, Dues([first], 1.0)))
        asked = authority.due(50)
        await self.heard(Kind.CALLS, 2)
        self.peer.reply(2, (True, Dues([second], None)))
        self.assertEqual(await asked, Dues([first, second], None))

    async def test_taken_back(self) -> None:
        """That something is no longer so is told however long it takes, and fails only with the link."""
        authority = HubAuthority(self.link)
        parted, vacated = authority.part("a", "c", "n", "1.1"), authority.vacate("a", "c", "n")
        health = HubCache(self.link).health()
        self.clock.advance(ANSWER_WITHIN * 10)
        await self.assertFailure(health, BackendError)
        await self.heard(Kind.CALLS)
        self.peer.reply(2, (True, None))
        self.assertIsNone(await vacated)
        self.assertNoResult(parted)
        self.peer.close()
        await self.assertFailure(parted, BackendError)

    async def test_webhooks_are_put_once(self) -> None:
        """Jobs are handed over, and settled, however long it takes: who put them again would have them sent twice."""
        queue = HubQueue(self.link)
        calls = [queue.put([job("1")]), queue.done(job("2")), queue.retry(job("3"), 1.0), queue.bury(job("4"), "why")]
        self.clock.advance(ANSWER_WITHIN * 10)
        await self.heard(Kind.CALLS)
        self.peer.reply(1, *[(True, None)] * len(calls))
        for call in calls:
            await call

    async def test_many_webhooks(self) -> None:
        """Jobs are put in calls of a size that the hub takes, all together; one of any size is put by itself."""
        sizes = [600_000, 400_000, 300_000, 3_000_000, 1]
        jobs = [job(name)._replace(events=("x" * size,)) for name, size in zip("abcde", sizes, strict=True)]
        put = HubQueue(self.link).put(jobs)
        await self.until(lambda: sum(len(each.calls) for each in self.peer.calls()) == 4)
        told = [call[1] for each in self.peer.calls() for call in each.calls]
        self.assertEqual([[one[0].lstrip("0") for one in piece] for piece in told], [["a", "b"], ["c"], ["d"], ["e"]])
        self.peer.reply(1, *[(True, None)] * 3)
        await turns(reactor, 0.01)
        self.assertNoResult(put)
        self.peer.reply(4, (True, None))
        self.assertIsNone(await put)

    async def test_late_webhooks(self) -> None:
        """Jobs that were claimed when nobody waited for them any more are given back."""
        taken = HubQueue(self.link).take(16, ())
        self.clock.advance(ANSWER_WITHIN)
        await self.assertFailure(taken, BackendError)
        await self.heard(Kind.CALLS)
        self.peer.reply(1, (True, [job("1"), job("2")]))
        await self.heard(Kind.CALLS, 2)
        self.assertEqual([call[0] for call in self.peer.calls()[1].calls], ["queue.retry"] * 2)
        self.assertEqual([call[1][0] for call in self.peer.calls()[1].calls], [job("1").id, job("2").id])
        self.peer.reply(2, (True, None), (True, None))

    async def test_many_facts(self) -> None:
        """All a worker has is registered in pieces, between which the hub serves others; all fail as one."""
        authority = HubAuthority(self.link)
        facts = NodeFacts(
            {"a": 2},
            [("a", f"c{n}", 1) for n in range(1200)],
            [("a", "presence-c", f"1.{n}", f"u{n}", "{}") for n in range(600)],
            [("a", "u", "1.1")],
        )
        registered = authority.register("n", facts)
        failing = authority.register("n", NodeFacts())
        await self.until(lambda: sum(len(each.calls) for each in self.peer.calls()) == 8)
        calls = [call for each in self.peer.calls() for call in each.calls]
        pieces = [NodeFacts(*told) for _, _, told in calls[:7]]
        self.assertLessEqual(max(len(piece.channels) + len(piece.members) for piece in pieces), 500)
        self.assertEqual([piece.connections for piece in pieces if piece.connections], [facts.connections])
        for field in ("channels", "members", "users"):
            told = [tuple(each) for piece in pieces for each in getattr(piece, field)]
            self.assertEqual(told, getattr(facts, field))
        self.peer.reply(1, *[(True, None)] * 7, (False, "no"))
        self.assertIsNone(await registered)
        await self.assertFailure(failing, BackendError)

    async def test_no_text(self) -> None:
        """What cannot be written fails alone."""
        call = self.link.call("cache", "get", str, "\ud800")
        other = HubCache(self.link).health()
        await self.assertFailure(call, BackendError)
        await self.heard(Kind.CALLS)
        self.peer.reply(1, (True, True))
        self.assertTrue(await other)

    async def test_too_large(self) -> None:
        """A call that no message holds fails at once, and alone."""
        call = HubCache(self.link).set("k", "x" * wire.MESSAGE_AT_MOST)
        other = HubCache(self.link).health()
        await self.assertFailure(call, BackendError)
        await self.heard(Kind.CALLS)
        self.peer.reply(1, (True, True))
        self.assertTrue(await other)

    async def test_large_turn(self) -> None:
        """A turn that asks for much does so in several messages, in order: the hub serves others in between."""
        calls = [HubCache(self.link).set(f"k{number}", "x" * 10_000) for number in range(25)]
        await self.until(lambda: sum(len(each.calls) for each in self.peer.calls()) == 25)
        self.assertEqual([each.first for each in self.peer.calls()], [1, 7, 13, 19, 25])
        self.peer.reply(1, *[(True, None)] * 25)
        for call in calls:
            await call


class LostTests(LinkCase):
    """The end of the link"""

    async def test_lost(self) -> None:
        """Whoever waits is told, the bus is down, the worker hears it, and what comes after fails at once."""
        told: list[str] = []

        class Listener:
            def received(self, topic: str, frame: bytes) -> None: ...
            def bus_up(self) -> None: ...
            def bus_down(self, reason: str) -> None:
                told.append("down")

        bus = HubBus(self.link)
        bus.listen(Listener())
        self.link.on_lost = lambda reason: told.append("lost")
        call = HubCache(self.link).health()
        self.assertTrue(bus.up)
        await self.heard(Kind.CALLS)
        self.peer.cut()
        await self.assertFailure(call, BackendError)
        self.assertEqual((told, bus.up), (["down", "lost"], False))
        await self.assertFailure(HubCache(self.link).health(), BackendError)
        bus.publish("t", b"frame")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def test_no_message(self) -> None:
        """A hub that says what is no message is none: the link is cut."""
        for broken in (b"\xff" * 9, wire.message(Kind.READY), wire.message(Kind.REPLIES, b"\xc1")):
            self.setUp()
            lost: list[str] = []
            self.link.on_lost = lost.append
            self.peer.send(broken)
            await self.until(lambda lost=lost: lost)  # type: ignore[misc]
            self.assertEqual(len(self.flushLoggedErrors()), 0)

    async def test_bye(self) -> None:
        """A worker that leaves says so behind everything else, and what it said arrives, however much it is; that its
        bus goes with it is nothing it hears of."""
        bus = HubBus(self.link)
        self.link.losers.append(self.fail)
        for _ in range(300):
            bus.publish("t", bytes(10_000))
        left = bus.subscribe("u")
        self.link.bye()
        self.link.bye()
        await self.until(lambda: self.peer.gone)
        self.assertEqual(self.peer.kinds(), [Kind.HELLO, *[Kind.FRAME] * 300, Kind.CALLS, Kind.BYE])
        await self.assertFailure(left, BackendError)


class FrozenTests(LinkCase):
    """A hub that does not read"""

    async def test_oldest_publications_go(self) -> None:
        """What waits is bounded: the oldest publications go and are counted, and what is left arrives in order."""
        self.freeze()
        bus = HubBus(self.link)
        sent = 3 * UNSENT_AT_MOST // 10_000
        for number in range(sent):
            bus.publish("t", number.to_bytes(4, "big") + bytes(9_996))
            if not number % 100:
                await turns(reactor)
            self.assertLessEqual(self.link.unsent, UNSENT_AT_MOST + 11_000)
        self.resume()
        await self.until(lambda: len(self.peer.messages) - 1 + bus.dropped == sent)
        numbers = [int.from_bytes(wire.split_frame(each)[1][:4], "big") for each in self.peer.messages[1:]]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[-1], sent - 1)
        self.assertGreater(bus.dropped, sent // 3)
        self.assertEqual(self.link.unsent, 0)

    async def test_calls_are_kept(self) -> None:
        """Calls are not dropped for publications; where there is no room for them they fail at once."""
        self.freeze()
        calls: list[Deferred[Any]] = []
        cache, bus = HubCache(self.link), HubBus(self.link)
        for number in range(400):
            calls.append(cache.set(f"k{number}", "x" * 100_000).addErrback(lambda failure: failure.trap(BackendError)))
            bus.publish("t", bytes(1000))
        await turns(reactor, 0.01)
        refused = [call for call in calls if call.called]
        self.assertTrue(100 < len(refused) < 300, len(refused))
        self.assertGreater(bus.dropped, 100)
        self.resume()
        await self.until(lambda: sum(len(each.calls) for each in self.peer.calls()) == 400 - len(refused))
        self.peer.reply(1, *[(True, None)] * (400 - len(refused)))
        self.assertEqual([await call for call in calls].count(None), 400 - len(refused))

    async def test_patience(self) -> None:
        """What is told for good is taken however much waits: who was refused would tell it twice."""
        self.freeze()
        while self.link.unsent <= UNSENT_AT_MOST:
            HubQueue(self.link).put([job("1")._replace(events=("x" * 4_000_000,))]).addErrback(lambda _: None)
        await self.assertFailure(HubCache(self.link).health(), BackendError)
        self.assertNoResult(HubQueue(self.link).put([job("2")]).addErrback(lambda _: None))

    async def test_many_given_up(self) -> None:
        """Answers that still matter when nobody waits any more are waited for up to a number."""
        self.patch(unanswered, "_GIVEN_UP_AT_MOST", 2)
        self.freeze()
        calls = [HubAuthority(self.link).conn_open("a", "n", 5) for _ in range(3)]
        self.clock.advance(ANSWER_WITHIN)
        for call in calls:
            await self.assertFailure(call, BackendError)
        self.resume()
        await self.heard(Kind.CALLS)
        self.peer.reply(1, *[(True, True)] * 3)
        await self.heard(Kind.CALLS, 2)
        self.assertEqual(len(self.peer.calls()[1].calls), 2)

    async def test_too_large(self) -> None:
        """A publication that no message holds is dropped and counted."""
        self.link.publish("t", bytes(wire.MESSAGE_AT_MOST))
        self.assertEqual(self.link.dropped, 1)


class HeardTests(LinkCase):
    """What the hub says unasked"""

    async def test_frames(self) -> None:
        """Frames are handed on one after the other; one that cannot be taken costs only itself."""
        found: list[tuple[str, bytes]] = []

        def received(topic: str, frame: bytes) -> None:
            found.append((topic, frame))
            if frame == b"1":
                raise ZeroDivisionError

        self.link.received = received
        for number in range(3):
            self.peer.send(wire.frame_message("c\0a\0ü", str(number).encode()))
        await self.until(lambda: len(found) == 3)
        self.assertEqual(found, [("c\0a\0ü", b"0"), ("c\0a\0ü", b"1"), ("c\0a\0ü", b"2")])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_asked(self) -> None:
        """Questions are answered, at once or later; what there is no answer to is said too."""
        later: Deferred[bytes] = Deferred()
        self.link.answers.update(now=lambda: b"here", later=lambda: later, broken=lambda: bytes(1 // 0))
        for number, what in enumerate(("later", "now", "nothing", "broken")):
            self.peer.say(Kind.ASK, wire.encode(wire.Question(number, what)))
        await self.heard(Kind.ANSWER, 3)
        later.callback(b"at last")
        await self.heard(Kind.ANSWER, 4)
        answers = [wire.number(each) for each in self.peer.messages if each[4] == Kind.ANSWER]
        self.assertEqual(answers, [(1, b"\1here"), (2, b"\0"), (3, b"\0"), (0, b"\1at last")])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_orders(self) -> None:
        """The worker hears how the group is, and when to leave."""
        told: list[object] = []
        self.link.on_drain = lambda: told.append(("drain", self.link.last))
        self.link.on_hurry = lambda: told.append("hurry")
        self.link.hearers["queue.wake"] = lambda value: told.append(wire.decode(value, object))
        state = wire.GroupState(2, (1,), "worker 1 crashed too often")
        self.peer.say(Kind.STATE, wire.encode(state))
        self.peer.say(Kind.TELL, wire.encode(("queue.wake", [1])))
        self.peer.say(Kind.TELL, wire.encode(("unknown", None)))
        self.peer.say(Kind.DRAIN, wire.encode(True))
        self.peer.say(Kind.HURRY)
        self.peer.say(Kind.PING, b"any")
        await self.heard(Kind.PONG)
        self.assertEqual(told, [[1], ("drain", True), "hurry"])
        self.assertEqual(self.link.state, state)
        self.assertEqual(self.peer.messages[-1][5:], b"any")

    async def test_welcome(self) -> None:
        """What the hub says of itself is known when it has said so."""
        self.peer.say(Kind.WELCOME, msgspec.msgpack.encode(("epoch", True)))
        await self.link.welcomed
        self.assertEqual(HubAuthority(self.link).epoch, "epoch")
