"""What it costs, and what goes out without a number: D-39 to D-51 (delta-and-filters.md 6.1, 6.4, 10)."""

from __future__ import annotations

import json
from typing import Any

from sockudo_tx.engine.tailored import numbered_event

from .case import DeltaCase, Follower, padded
from .test_d019_full_and_delta import numbers


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

        self.patch(numbered_event, "_ENCODERS", {"fossil": broken})
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

    def test_poison_of_a_client(self) -> None:
        """A client event that spoils what followers remember: the next published event is whole."""
        one, other = self.follower("private-p"), self.follower("private-p")
        self.tell(padded(1), "private-p")
        one.send({"event": "client-x", "channel": "private-p", "data": {"__delta_seq": 7, "pad": "x" * 200}})
        text = self.tell(padded(2), "private-p")
        self.assertEqual([one.events()[-1], other.events()[-1]], [text, text])
        self.assertEqual(other.kinds(), ["full", "plain", "full"])

    def test_another_identity(self) -> None:
        """Who becomes another member of a presence channel stays in its place: one copy of each event, as a delta."""
        follower = self.follower("presence-p", user_id="u1")
        texts = [self.tell(padded(1), "presence-p")]
        follower.subscribe("presence-p", user_id="u2")
        texts += [self.tell(padded(n), "presence-p") for n in (2, 3)]
        self.assertEqual([text for text in follower.events() if '"event":"n"' in text], texts[1:])
        self.assertKinds(follower, "full", "delta", "delta")

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
