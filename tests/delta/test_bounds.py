"""What is kept, for how long, and that nothing is left behind."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.engine.tailored.segments import Segments
from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.publication import Publication

from .case import DeltaCase, Follower, padded, plain
from .test_d019_full_and_delta import numbers


class BoundTests(DeltaCase):
    """The tables behind a channel that is followed."""

    def channel(self, name: str = "c") -> Any:
        return self.server.engine.registry.apps["app-id"].channels[name]

    def segments(self) -> Segments:
        found: Segments = self.channel().segments
        return found

    def test_idle_streams_go(self) -> None:
        """After twice the age of a base, when the next sweep comes; the numbers do not begin anew."""
        self.delta({"c": {"conflation_key": "symbol"}}, max_state_age=60)
        follower = self.follower()
        self.tell(padded(1, symbol="BTC"))
        self.server.advance(70)
        self.tell(padded(1, symbol="ETH"))
        self.server.advance(110)
        self.assertEqual([key for key, _ in self.segments().streams.recent()], ["ETH"])
        self.tell(padded(2, symbol="BTC"))
        self.assertEqual([numbers(text)[0] for text in follower.take()], [0, 0, 1])

    def test_bases_go_with_the_last_follower(self) -> None:
        """Who stays, without deltas, costs no memory."""
        self.subscriber("c")
        follower = self.follower()
        self.tell(padded(1))
        self.assertGreater(self.channel().streams.size, 300)
        follower.subscribe(delta=False)
        self.assertEqual((self.channel().streams.size, self.channel().segments), (0, None))

    def test_segments_go_with_their_last_subscriber(self) -> None:
        """Filters come and go while somebody stays: what was made for them goes, with deltas and without."""
        self.delta(filtering=True)
        self.follower("c", tags_filter={"key": "a", "cmp": "ex"})
        for wish in (True, False, "xdelta3"):
            for number in range(3):
                wanted = {"key": "a", "cmp": "eq", "val": str(number)}
                follower = self.follower("c", tags_filter=wanted, delta=wish)
                self.tell(padded(number), tags={"a": str(number)})
                follower.client.unsubscribe("c") if number else follower.subscribe()
        segments = self.segments()
        self.assertEqual(len(segments.all()), 2)
        self.assertEqual([len(each.cohorts) for each in segments.all()], [1, 1])

    def test_positions_go_with_the_last_follower(self) -> None:
        """While those stay who only filter."""
        self.delta({"c": {"conflation_key": "symbol"}}, filtering=True)
        follower = self.follower()
        filtered = self.follower("c", tags_filter={"key": "a", "cmp": "ex"})
        for number in range(3):
            self.tell(padded(1, symbol=str(number)), tags={"a": "1"})
        for each in (follower, filtered):
            each.subscribe(delta=False, tags_filter={"key": "a", "cmp": "ex"})
        self.assertEqual([dict(each.at) for each in self.segments().all()], [{}, {}])

    def test_nothing_is_left(self) -> None:
        """When all have gone the server is as it was."""
        self.delta({"c": {"conflation_key": "symbol"}}, filtering=True)
        followers = [
            self.follower("c", "d", tags_filter={"key": "a", "cmp": "eq", "val": str(n % 3)}) for n in range(9)
        ]
        for n in range(20):
            self.tell(padded(n, symbol=str(n % 4)), tags={"a": str(n % 3)}, socket_id=followers[n % 9].id)
        self.assertEqual(self.server.engine.tables()["followed channels"], 2)
        for number, follower in enumerate(followers):
            follower.client.unsubscribe("c") if number % 2 else follower.client.cut()
        for follower in followers:
            follower.client.cut()
        self.server.advance(10)
        left = self.server.tables()
        calls = left.pop("factory.site.api.connections._open")  # one for each call, kept alive, with its timer
        self.assertEqual(left, {"clock": calls})

    def test_segments_forget_streams_that_are_gone(self) -> None:
        """However many keys come by."""
        self.delta({"c": {"conflation_key": "symbol", "max_conflation_keys": 2}})
        self.follower()
        for n in range(200):
            self.tell(padded(n, symbol=str(n)))
        self.assertLess(len(self.segments().all()[0].at), 70)

    def test_what_cannot_be_a_delta_begins_the_count_anew(self) -> None:
        """The interval counts from the last message that was full for those who are together."""
        self.delta(full_message_interval=3)
        follower = self.follower()
        odd = "".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(200))
        for data in (padded(1), padded(2), padded(3), odd, odd + "1", odd + "2", odd + "3", odd + "4"):
            self.tell(data)
        self.assertKinds(follower, "full", "delta", "delta", "full", "delta", "delta", "delta", "full")


class CostTests(DeltaCase):
    """What those pay who want none of this."""

    def calls(self, event: Publication) -> int:
        """Functions of ours that are called to publish an event, up to the end of the turn."""
        app = self.server.apps.by_id("app-id")
        assert isinstance(app, App)
        count = 0

        def called(frame: FrameType, what: str, argument: object) -> None:
            nonlocal count
            count += what == "call" and frame.f_globals["__name__"].startswith("sockudo_tx.")

        sys.setprofile(called)
        try:
            self.server.engine.publish(app, event)
        finally:
            sys.setprofile(None)
        self.server.pump()
        return count

    def test_other_channels(self) -> None:
        """A channel that nobody follows, without filters, takes not a single call more beside one that has both."""
        self.delta(filtering=True)
        crowd = [self.subscriber("plain") for _ in range(40)]
        author = crowd[0].established
        events = [Publication("n", ("plain",), padded(1)), Publication("n", ("plain",), padded(1), socket_id=author)]
        self.calls(events[0])  # the audience is made
        before = [self.calls(event) for event in events]
        followers = [self.follower("c", tags_filter={"key": "a", "cmp": "ex"}) for _ in range(5)]
        self.tell(padded(1), tags={"a": "1"})
        self.assertEqual(followers[0].kinds(), ["full"])
        self.assertIsNone(self.server.engine.registry.apps["app-id"].channels["plain"].segments)
        self.assertEqual([self.calls(event) for event in events], before)
        self.assertLess(max(before), 40)


class LateTests(DeltaCase):
    """A cache that answers in a later turn."""

    def test_a_live_event_beats_the_cached_one(self) -> None:
        """For those who get it; others get what was cached."""
        settings = EngineSettings(delta=self.delta(filtering=True).engine.settings.delta)
        record = self.server.apps.by_id("app-id")
        assert record is not None
        self.serve([record], settings=settings, late=True)
        self.publish(data="old", channels=["cache-c"])
        wanted = [{"key": "a", "cmp": "eq", "val": value} for value in "12"]
        clients = [self.server.client("app-key") for _ in wanted]
        for client, tags_filter in zip(clients, wanted, strict=True):
            client._server = Waiting()  # what it asks for is not answered before the event comes
            client.send({"event": "pusher:subscribe", "data": {"channel": "cache-c", "tags_filter": tags_filter}})
            client._server = self.server
        self.publish(data="new", channels=["cache-c"], tags={"a": "1"})
        heard = [client.take()[1:] for client in clients]
        self.assertEqual(heard, [[plain("new", "cache-c", tags={"a": "1"})], [plain("old", "cache-c")]])


class Waiting:
    """A server that does nothing yet."""

    def pump(self) -> None: ...


class ReconnectTests(DeltaCase):
    """A client that comes back by itself."""

    def test_a_new_connection_begins_anew(self) -> None:
        """Whoever does not ask again gets plain messages there."""
        first = self.follower()
        self.tell(padded(1))
        first.client.cut()
        again = Follower(self.server.client("app-key"))
        again.model = first.model
        again.subscribe()
        text = self.tell(padded(2))
        self.assertEqual(again.take(), [text])
