"""What a follower is sent: D-19 to D-51 (delta-and-filters.md 4 to 7, 10)."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from sockudo_tx.engine import numbered
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.transports.settings import WebSocketSettings

from .case import DeltaCase, Follower, padded, plain


def numbers(text: str) -> tuple[int, int | None]:
    """The number of a message, and that of its base."""
    message = json.loads(text)
    if message["event"] == "pusher:delta":
        return message["data"]["seq"], message["data"]["base_index"]
    return message["__delta_seq"], None


class FrameTests(DeltaCase):
    """The texts themselves."""

    def test_D19_the_first(self) -> None:
        """Whole, with the number 0 and no key."""
        follower = self.follower()
        text = self.tell(padded(1))
        self.assertEqual(follower.take(), [text[:-1] + ',"__delta_seq":0}'])

    def test_D20_the_second(self) -> None:
        """What has changed, in this order of members."""
        follower = self.follower()
        self.tell(padded(1))
        follower.take()
        self.tell(padded(2))
        (text,) = follower.take()
        delta = json.loads(text)["data"]["delta"]
        self.assertEqual(
            text,
            '{"event":"pusher:delta","channel":"c","data":{"event":"n","delta":"' + delta + '","seq":1,'
            '"algorithm":"fossil","base_index":0}}',
        )
        self.assertEqual(base64.b64encode(base64.b64decode(delta, validate=True)).decode(), delta)

    def test_D21_decoding(self) -> None:
        """The plain message comes out, byte for byte, of either algorithm."""
        for algorithm in ("fossil", "xdelta3"):
            self.delta(algorithm=algorithm)
            follower = self.follower()
            texts = [self.tell(padded(number)) for number in range(30)]
            self.assertEqual(follower.events(), texts)
            self.assertIn("delta", follower.kinds())

    def test_D22_interval(self) -> None:
        """After three deltas a full message."""
        self.delta(full_message_interval=3)
        follower = self.follower()
        for number in range(9):
            self.tell(padded(number))
        self.assertKinds(follower, *["full", "delta", "delta", "delta"] * 2, "full")

    def test_D23_interval_of_nought(self) -> None:
        """All are full, and numbered."""
        self.delta(full_message_interval=0)
        follower = self.follower()
        for number in range(3):
            self.tell(padded(number))
        self.assertEqual([numbers(text) for text in follower.take()], [(0, None), (1, None), (2, None)])

    def test_D24_smallest_message(self) -> None:
        """One byte less is plain; the whole message counts."""
        text = plain(padded(1))
        self.delta(min_message_size=len(text) + 1)
        follower = self.follower()
        self.tell(padded(1))
        self.assertKinds(follower, "plain")
        self.delta(min_message_size=len(text))
        follower = self.follower()
        self.tell(padded(1))
        self.assertKinds(follower, "full")

    def test_D25_a_small_one_between(self) -> None:
        """It touches nothing."""
        follower = self.follower()
        texts = [self.tell(padded(1)), self.tell("1"), self.tell(padded(2))]
        heard = follower.client.take()
        self.assertEqual([follower.model.hear(text) for text in heard], texts)
        self.assertEqual(numbers(heard[2]), (1, 0))

    def test_D26_nothing_in_common(self) -> None:
        """Full, and the numbers go on."""
        follower = self.follower()
        rng = random.Random(1)
        for _ in range(3):
            self.tell("".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=300)))
        self.assertEqual([numbers(text) for text in follower.take()], [(0, None), (1, None), (2, None)])
        self.tell(padded(1))
        self.tell(padded(2))
        self.assertEqual([numbers(text) for text in follower.take()], [(3, None), (4, 3)])

    def test_the_shorter_goes_out(self) -> None:
        """A delta that is shorter than its base is not sent when what is around it makes it longer than the message."""
        self.delta(min_message_size=0)
        follower = self.follower()
        texts = [self.tell('{"n":%d,"more":"abcdefghijklmnop"}' % number) for number in range(5)]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, *["full"] * 5)
        self.assertEqual(self.server.engine.tally.of("app-id").delta_fallbacks["size"], 4)

    def test_D27_two_event_names(self) -> None:
        """One base for the channel, whatever the event is called."""
        follower = self.follower()
        texts = [self.tell(padded(number), name=("a", "b")[number % 2]) for number in range(10)]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, "full", *["delta"] * 9)

    def test_D28_age(self) -> None:
        """After that long without a message the next one is full."""
        self.delta(max_state_age=60)
        follower = self.follower()
        self.tell(padded(1))
        self.server.advance(59)
        self.tell(padded(2))
        self.server.advance(60)
        self.tell(padded(3))
        self.assertKinds(follower, "full", "delta", "full")

    def test_D29_any_text(self) -> None:
        """Beyond ASCII, escaped, or controlling."""
        follower = self.follower()
        odd = ["é/\\/", "\U0001f600", "\x00\x1f\u2028", '\\"\\u00e9', "\t\n\r"]
        for number, text in enumerate(odd * 2):
            data = padded(number, odd=text)
            told = json.dumps({"event": "n", "channel": "c", "data": data}, ensure_ascii=False, separators=(",", ":"))
            self.publish(data=data)
            (heard,) = follower.events()
            self.assertEqual(json.loads(heard), json.loads(told))
        self.assertKinds(follower, "full", *["delta"] * 9)

    def test_D30_data_that_is_an_object(self) -> None:
        """A string on the wire, and exact."""
        follower = self.follower()
        for number in range(3):
            value = json.loads(padded(number))
            self.publish(data=value)
            self.assertEqual(follower.events(), [plain(padded(number))])
        self.assertKinds(follower, "full", "delta", "delta")

    def test_D31_leaving_the_algorithm_out(self) -> None:
        """Where it is the one the client was told of last; else it is named."""
        self.delta({"other": "xdelta3"}, omit_algorithm=True)
        follower = self.follower("c", "other")
        for channel in ("c", "other"):
            self.tell(padded(1), channel)
            self.tell(padded(2), channel)
        first, second = (json.loads(text)["data"] for text in follower.take() if "pusher:delta" in text)
        self.assertEqual((list(first), second["algorithm"]), (["event", "delta", "seq", "base_index"], "xdelta3"))
        follower.subscribe("other", delta="xdelta3")  # which is confirmed, for all channels
        for channel in ("c", "other"):
            self.tell(padded(3), channel)
            self.tell(padded(4), channel)
        first, second = (json.loads(text)["data"] for text in follower.take() if "pusher:delta" in text)
        self.assertEqual((first["algorithm"], "algorithm" in second), ("fossil", False))


class PositionTests(DeltaCase):
    """Who gets a delta against which message."""

    def test_D32_late_subscribers(self) -> None:
        """Full first, beside a delta for the others; then one delta for all."""
        early = self.follower()
        self.tell(padded(1))
        late = self.follower()
        self.tell(padded(2))
        self.assertKinds(early, "full", "delta")
        self.assertKinds(late, "full")
        self.tell(padded(3))
        self.assertEqual(early.take(), late.take())

    def test_D33_excluded(self) -> None:
        """Its next message is a delta against the last one it got."""
        author, other = self.follower(), self.follower()
        self.tell(padded(1))
        self.tell(padded(2), socket_id=author.id)
        text = self.tell(padded(3))
        heard = author.client.take()
        self.assertEqual([numbers(each) for each in heard], [(0, None), (2, 0)])
        self.assertEqual([author.model.hear(each) for each in heard][1], text)
        self.assertEqual([numbers(each) for each in other.take()], [(0, None), (1, 0), (2, 1)])

    def test_D34_how_long_a_message_is_a_base(self) -> None:
        """For ten others, by default."""
        for missed, kind in ((9, "delta"), (10, "full")):
            self.delta(full_message_interval=100)
            author, _ = self.follower(), self.follower()
            self.tell(padded(0))
            for number in range(missed):
                self.tell(padded(number), socket_id=author.id)
            author.kinds()
            self.tell(padded("last"))
            self.assertKinds(author, kind)

    def test_D35_a_dropped_message(self) -> None:
        """The next one for that client needs nothing of it, and others notice nothing."""
        self.delta(websocket=WebSocketSettings(max_messages=2, disconnect_on_buffer_full=False))
        slow, quick = self.follower(), self.follower()
        self.tell(padded(0))
        slow.block()
        texts = [self.tell(padded(number)) for number in range(1, 6)]
        slow.read()
        last = self.tell(padded("last"))
        self.assertEqual(slow.events()[-1], last)
        self.assertEqual(slow.kinds()[-1], "full")
        self.assertEqual(quick.events()[1:], [*texts, last])
        self.assertEqual(quick.kinds()[1:], ["delta"] * 6)

    def test_dropped_in_the_middle_of_a_turn(self) -> None:
        """What would build upon a dropped message is dropped with it, though there were room for it."""
        settings = WebSocketSettings(max_messages=100, max_bytes=700, disconnect_on_buffer_full=False)
        self.delta(websocket=settings, full_message_interval=100)
        followers = [self.follower() for _ in range(20)]
        slow = followers[0]
        self.tell(padded(0))
        slow.block()
        self.tell(padded(1))
        rng = random.Random(2)
        large = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=700))
        events = [Publication("n", ("c",), data) for data in (padded(2), large, large + "1", large + "2", large + "3")]
        self.at_once(*events)
        slow.read()
        texts = [plain(event.data) for event in events]
        heard = slow.events()
        self.assertEqual(heard[2:], texts[:1])
        last = self.tell(padded("last"))
        self.assertEqual(slow.events(), [last])
        for follower in followers[1:]:
            self.assertEqual(follower.events()[2:], [*texts, last])

    def test_D36_unsubscribing(self) -> None:
        """Whoever comes back begins anew, with higher numbers."""
        stays, goes = self.follower(), self.follower()
        self.tell(padded(1))
        goes.client.unsubscribe("c")
        goes.take()
        goes.subscribe()
        self.tell(padded(2))
        self.assertEqual([numbers(text) for text in goes.take()], [(1, None)])
        self.assertEqual([numbers(text) for text in stays.take()], [(0, None), (1, 0)])

    def test_numbers_go_on_while_anybody_is_subscribed(self) -> None:
        """Also one who does not follow."""
        self.subscriber("c")
        follower = self.follower()
        self.tell(padded(1))
        follower.client.cut()
        follower = self.follower()
        self.tell(padded(2))
        self.assertEqual([numbers(text) for text in follower.take()], [(1, None)])

    def test_D37_sync_error(self) -> None:
        """No answer; the next message is full; the algorithm of the subscription stays."""
        follower = self.follower(delta="xdelta3")
        for data in ({"channel": "c"}, '{"channel":"c"}'):
            self.tell(padded(1))
            self.tell(padded(2))
            follower.kinds()
            self.assertEqual(follower.send({"event": "pusher:delta_sync_error", "data": data}), [])
            self.tell(padded(3))
            self.tell(padded(4))
            texts = follower.take()
            self.assertEqual(json.loads(texts[1])["data"]["algorithm"], "xdelta3")
            self.assertKinds(follower, "full", "delta")
        follower.send({"event": "pusher:delta_sync_error", "channel": "c", "data": {}})
        self.tell(padded(5))
        self.assertKinds(follower, "full")

    def test_D38_sync_errors_that_mean_nothing(self) -> None:
        """Ignored."""
        follower = self.follower()
        self.tell(padded(1))
        follower.take()
        for data in ({"channel": "other"}, {}, None, [], 5, "nonsense", {"channel": 5}):
            self.assertEqual(follower.send({"event": "pusher:delta_sync_error", "data": data}), [])
        self.assertEqual(follower.send({"event": "pusher:delta_sync_error"}), [])
        self.tell(padded(2))
        self.assertEqual(follower.kinds()[-1], "delta")


class CostTests(DeltaCase):
    """How often something is encoded."""

    def encodings(self) -> int:
        return sum(self.server.engine.tally.of("app-id").encodings.counts)

    def test_D39_many_bases(self) -> None:
        """Against four of them at most; whoever has another gets the message whole."""
        self.delta(filtering=True, enable_tags=False, full_message_interval=100)
        groups = [
            [self.follower(tags_filter={"key": "t", "cmp": "in", "vals": [str(group), "all"]}) for _ in range(size)]
            for group, size in enumerate((2, 2, 1, 2, 1, 2))
        ]
        for group in range(6):
            self.tell(padded(group), tags={"t": str(group)})
        self.assertEqual(self.encodings(), 0)
        text = self.tell(padded("all"), tags={"t": "all"})
        self.assertEqual(self.encodings(), 4)
        for members in groups:
            for follower in members:
                self.assertEqual(follower.events()[-1], text)
                self.assertEqual(follower.kinds()[-1], "delta" if len(members) == 2 else "full")
        self.assertEqual(self.server.engine.tally.of("app-id").delta_fallbacks["bases"], 2)

    def test_D40_in_step(self) -> None:
        """One encoding and one text for all."""
        followers = [self.follower() for _ in range(200)]
        for number in range(10):
            self.tell(padded(number))
        self.assertEqual(self.encodings(), 9)
        texts = followers[0].take()
        self.assertTrue(all(follower.client.take() == texts for follower in followers[1:]))

    def test_D41_nobody_follows(self) -> None:
        """Nothing is encoded, and no number is used."""
        follower = self.follower()
        self.tell(padded(0))
        self.tell(padded(1), socket_id=follower.id)
        self.tell(padded(2))
        self.assertEqual([numbers(text) for text in follower.take()], [(0, None), (1, 0)])
        self.assertEqual(self.encodings(), 1)

    def test_an_encoder_that_fails(self) -> None:
        """The message goes out whole, and that is counted."""
        follower = self.follower()

        def broken(*_: Any) -> bytes:
            raise ValueError("broken")

        self.patch(numbered, "_ENCODERS", {"fossil": broken})
        texts = [self.tell(padded(number)) for number in range(3)]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, "full", "full", "full")
        self.assertEqual(self.server.engine.tally.of("app-id").delta_fallbacks["error"], 2)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)


class PlainTests(DeltaCase):
    """Messages without a number."""

    def test_D42_client_events(self) -> None:
        """Plain, with the object they came with, and nothing to their sender; the next event decodes."""
        one, other = self.follower("private-p"), self.follower("private-p")
        self.tell(padded(1), "private-p")
        one.take(), other.take()
        self.assertEqual(one.send({"event": "client-x", "channel": "private-p", "data": {"a": 1}}), [])
        self.assertEqual(other.take(), ['{"event":"client-x","channel":"private-p","data":{"a":1}}'])
        text = self.tell(padded(2), "private-p")
        self.assertEqual([one.events(), other.events()], [[text]] * 2)
        self.assertEqual([one.kinds(), other.kinds()], [["full", "delta"], ["full", "plain", "delta"]])

    def test_D43_client_events_of_members(self) -> None:
        """With the id of their sender."""
        one, other = Follower(self.server.client("app-key")), Follower(self.server.client("app-key"))
        for number, each in enumerate((one, other)):
            each.enable()
            each.subscribe("presence-p", user_id=f"u{number}")
        one.take(), other.take()
        one.send({"event": "client-x", "channel": "presence-p", "data": {"pad": "x" * 200}})
        (text,) = other.take()
        self.assertEqual(json.loads(text)["user_id"], "u0")
        self.assertNotIn("__delta_seq", text)

    def test_D44_members_that_come(self) -> None:
        """The delta behind the news decodes."""
        one = Follower(self.server.client("app-key"))
        one.enable()
        one.subscribe("presence-p", user_id="u1")
        self.tell(padded(1), "presence-p")
        self.subscriber("presence-p", user_id="u2")
        text = self.tell(padded(2), "presence-p")
        self.assertEqual(one.events()[-1], text)
        self.assertKinds(one, "full", "delta")

    def test_D45_what_looks_like_metadata(self) -> None:
        """Plain, and whatever clients remember is replaced by the next message."""
        follower = self.follower()
        self.tell(padded(1))
        for data in (padded(2, __delta_seq=7), padded(3, __conflation_key="x"), '{"\\u005f_delta_seq":5}' + " " * 200):
            text = self.tell(data)
            self.assertEqual(follower.events()[-1], text)
            last = [self.tell(padded(4)), self.tell(padded(5))]
            self.assertEqual(follower.events(), last)
            self.assertEqual(follower.kinds()[-3:], ["plain", "full", "delta"])

    def test_D46_empty_data(self) -> None:
        """Plain, however long the rest."""
        self.delta(filtering=True, enable_tags=True)
        follower = self.follower()
        for _ in range(2):
            self.publish(data="", tags={"a": "x" * 300})
        self.assertKinds(follower, "plain", "plain")

    def test_D47_delta_false(self) -> None:
        """Plain for all; the next normal one is a delta against the last numbered one."""
        follower = self.follower()
        self.tell(padded(1))
        text = self.tell(padded(2), delta=False)
        self.tell(padded(3))
        heard = follower.take()
        self.assertEqual((heard[1], numbers(heard[2])), (text, (1, 0)))

    def test_D48_delta_true(self) -> None:
        """Changes nothing; anything else is refused."""
        follower = self.follower()
        text = self.tell("1", delta=True)
        self.assertEqual(follower.take(), [text])
        self.assertRefused(self.publish(delta="yes"), 400, "invalid_input", "delta")

    def test_D49_delta_false_in_a_batch(self) -> None:
        """Of that item only."""
        follower = self.follower()
        items = [{"name": "n", "channel": "c", "data": padded(number)} for number in range(4)]
        items[2]["delta"] = False  # type: ignore[assignment]
        self.assertEqual(self.batch(*items).status, 200)
        self.assertKinds(follower, "full", "delta", "plain", "delta")

    def test_D50_cache_channels(self) -> None:
        """The cached event is plain, live ones are numbered."""
        text = self.tell(padded(1), "cache-c")
        follower = Follower(self.server.client("app-key"))
        follower.enable()
        self.assertEqual(follower.subscribe("cache-c")[1:], [text])
        texts = [self.tell(padded(2), "cache-c"), self.tell(padded(3), "cache-c")]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, "plain", "full", "delta")
        self.assertEqual(self.subscriber().subscribe("cache-c")[1:], texts[1:])

    def test_D51_users(self) -> None:
        """Plain to a follower who is signed in."""
        client = self.signed_in("u1")
        follower = Follower(client)
        follower.enable()
        texts = [self.tell(padded(number), "#server-to-user-u1") for number in range(3)]
        self.assertEqual(follower.take(), texts)

    def test_events_of_the_protocol(self) -> None:
        """Plain, whoever publishes them."""
        follower = self.follower()
        texts = [self.tell(padded(number), name="pusher:x") for number in range(2)]
        self.assertEqual(follower.take(), texts)
