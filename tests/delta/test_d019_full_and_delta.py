"""What a follower is sent: D-19 to D-38 (delta-and-filters.md 4 to 7)."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from sockudo_tx.engine.tailored import publisher
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.transports.settings import WebSocketSettings

from .case import DeltaCase, padded, plain


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

    def test_the_algorithm_is_named_from_now_on(self) -> None:
        """Who got deltas without it before, by other settings, is never left to guess once it is told of another one."""
        engine = self.delta(omit_algorithm=True).engine
        follower = self.follower("c", "other")
        self.tell(padded(1))
        engine.adjust(engine.settings._replace(delta=engine.settings.delta._replace(omit_algorithm=False)))
        follower.subscribe("other", delta="xdelta3")
        texts = [self.tell(padded(n)) for n in (2, 3)]
        self.assertEqual(follower.events()[-2:], texts)
        self.tell(padded(4))
        self.assertIn('"algorithm":"fossil"', follower.take()[0])

    def test_no_delta_is_longer_than_the_plain_message(self) -> None:
        """All together a follower gets at most the plain bytes, and the metadata of its full messages."""
        for entry in (None, {"conflation_key": "symbol"}):
            self.delta({"*": entry} if entry else None, min_message_size=0)
            follower = self.follower()
            rng = random.Random(29)
            for length in range(60, 260, 2):
                noise = "".join(rng.choices("abcdefghij", k=length // 3))
                text = self.tell(json.dumps({"symbol": "S" * 30, "same": "x" * (length // 2), "noise": noise}))
                (got,) = follower.take()
                if "pusher:delta" in got:
                    self.assertLessEqual(len(got), len(text))


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

    def test_dropped_before_somebody_else_is_sent_to(self) -> None:
        """The same where the events of a turn do not all go to the same clients: who has what is known in time."""
        rng = random.Random(3)
        large = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=700))
        for kind in ("excluded", "plain"):
            settings = WebSocketSettings(max_messages=100, max_bytes=700, disconnect_on_buffer_full=False)
            self.delta(websocket=settings, full_message_interval=100)
            followers = [self.follower() for _ in range(20)]
            if kind == "plain":
                self.subscriber("c")
            slow = followers[0]
            self.tell(padded(0))
            slow.block()
            self.tell(padded(1))
            without = followers[5].id if kind == "excluded" else None
            datas = (padded(2), large, large + "1", large + "2")
            self.at_once(
                *[Publication("n", ("c",), data, socket_id=without if data == datas[2] else None) for data in datas]
            )
            slow.read()
            texts = [plain(data) for data in datas]
            self.assertEqual([text for text in slow.events()[2:] if text not in texts], [])
            last = self.tell(padded("last"))
            self.assertEqual(slow.events(), [last])
            self.assertEqual(followers[1].events()[2:], [*texts, last])

    def test_a_delivery_that_breaks(self) -> None:
        """Nobody is taken for one who has the message: the next is whole."""
        self.delta()
        follower = self.follower()
        self.tell(padded(0))

        def broken(*_: Any) -> int:
            raise ZeroDivisionError

        working = self.patch(publisher, "_deliver", broken)
        with self.assertRaises(ZeroDivisionError):
            self.at_once(Publication("n", ("c",), padded(1)))
        working.restore()
        text = self.tell(padded(2))
        self.assertEqual(follower.events()[1:], [text])
        self.assertKinds(follower, "full", "full")

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
