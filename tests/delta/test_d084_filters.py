"""Filters at work: D-84, D-85, D-93, D-94 and D-105 to D-118 (delta-and-filters.md 15)."""

from __future__ import annotations

import json
from typing import Any

from sockudo_tx.config.load import load
from sockudo_tx.settings import delta_settings
from sockudo_tx.testing import MemoryClient, fixture_app

from .case import DeltaCase, Follower, padded, plain
from .test_d019_full_and_delta import numbers

BUY: dict[str, Any] = {"key": "side", "cmp": "eq", "val": "buy"}
SELL: dict[str, Any] = {"key": "side", "cmp": "eq", "val": "sell"}


class FilterCase(DeltaCase):
    """Filters are in force; tags are not sent, to keep texts short."""

    def setUp(self) -> None:
        self.delta(filtering=True, enable_tags=False)

    def filtered(self, tags_filter: Any = BUY, channel: str = "c", **more: Any) -> MemoryClient:
        """A subscriber with this filter, its success read."""
        client = self.server.client("app-key")
        self.assertIn("subscription_succeeded", client.subscribe(channel, tags_filter=tags_filter, **more)[0])
        return client

    def say(self, side: str | None, data: str = "1", channel: str = "c") -> str:
        """Publish with this tag, or without any."""
        self.publish(data=data, channels=[channel], tags=None if side is None else {"side": side})
        return plain(data, channel)


class RefusalTests(FilterCase):
    """Filters that are no filters."""

    def test_D84_equality(self) -> None:
        """What matches is delivered, and nothing else."""
        client = self.filtered()
        text = self.say("buy", "1")
        self.say("sell", "2")
        self.assertHeard(client, text)

    def test_D85_two_members(self) -> None:
        """`filter` counts; null is absent."""
        one = self.filtered(BUY, filter=SELL)
        other = self.filtered(BUY, filter=None)
        texts = [self.say("buy", "1"), self.say("sell", "2")]
        self.assertHeard(one, texts[1])
        self.assertHeard(other, texts[0])

    def refused(self, tags_filter: Any, **more: Any) -> str:
        """The text of the refusal."""
        client = self.server.client("app-key")
        (text,) = client.subscribe("c", filter=tags_filter, **more)
        self.assertTrue(client.answers())
        self.say("buy")
        self.assertHeard(client)
        message = json.loads(text)
        self.assertEqual((message["event"], message["data"]["code"]), ("pusher:error", 4000))
        found: str = message["data"]["message"]
        self.assertTrue(found.startswith("Invalid message format: Invalid tags filter: "), found)
        return found

    def test_D86_unknown_branch(self) -> None:
        """An error, no subscription, and a connection that is usable."""
        self.assertIn("xor", self.refused({"op": "xor", "nodes": [BUY]}))

    def test_D89_where_the_fault_is(self) -> None:
        """By the places of the nodes on the way to it."""
        bad = {"op": "and", "nodes": [BUY, {"op": "not", "nodes": [{"key": "", "cmp": "eq", "val": "x"}]}]}
        self.assertIn("Invalid tags filter: Child node 1: Child node 0: ", self.refused(bad))

    def test_D90_what_is_no_node(self) -> None:
        """An error, and not the same as no filter."""
        for bad in ("x", [], {"op": "and", "nodes": {}}, 5, True):
            self.refused(bad)

    def test_D93_while_filters_are_not_in_force(self) -> None:
        """Still an error."""
        self.delta(filtering=False)
        self.refused({"key": "a"})

    def test_D94_before_the_signature(self) -> None:
        """The fault of the filter is told, not that of the signature."""
        client = self.server.client("app-key")
        (text,) = client.subscribe("private-p", auth="app-key:wrong", filter="x")
        self.assertIn("Invalid tags filter", text)


class DeliveryTests(FilterCase):
    """Who gets what."""

    def test_D105_switched_off(self) -> None:
        """A filter is kept from nobody."""
        self.delta(filtering=False)
        client = self.filtered()
        texts = [self.say("buy", "1"), self.say("sell", "2"), self.say(None, "3")]
        self.assertHeard(client, *texts)

    def test_D106_events_without_tags(self) -> None:
        """They are matched like any other: nothing is equal, much is absent."""
        clients = [self.filtered(each) for each in (None, BUY, {"key": "side", "cmp": "nex"})]
        text = self.say(None)
        for client, heard in zip(clients, ([text], [], [text]), strict=True):
            self.assertHeard(client, *heard)

    def test_D107_what_filters_never_keep_back(self) -> None:
        """Members that come, client events, counts."""
        client = self.server.client("app-key")
        client.subscribe("presence-p", "u1", tags_filter=BUY)
        other = self.subscriber("presence-p", user_id="u2")
        self.assertIn("member_added", client.take()[0])
        other.send({"event": "client-x", "channel": "presence-p", "data": {}})
        self.assertIn("client-x", client.take()[0])
        self.say("sell", channel="presence-p")
        self.assertHeard(client)

    def test_D108_events_of_users(self) -> None:
        """They reach a user whose channels are filtered."""
        client = self.signed_in("u1")
        client.subscribe("c", tags_filter=BUY)
        text = self.say("sell", channel="#server-to-user-u1")
        self.assertHeard(client, text)

    def test_D109_another_filter(self) -> None:
        """Only the new one counts, and there is one copy."""
        client = self.filtered(BUY)
        client.subscribe("c", tags_filter=SELL)
        self.say("buy", "1")
        self.assertHeard(client, self.say("sell", "2"))

    def test_D110_no_filter_any_more(self) -> None:
        """Everything, once."""
        client = self.filtered(BUY)
        client.subscribe("c")
        texts = [self.say("buy", "1"), self.say("sell", "2"), self.say(None, "3")]
        self.assertHeard(client, *texts)

    def test_a_refused_filter_leaves_the_old_one(self) -> None:
        """And the subscription."""
        client = self.filtered(BUY)
        client.subscribe("c", tags_filter="x")
        self.say("sell", "1")
        self.assertHeard(client, self.say("buy", "2"))

    def test_D111_nothing_is_left(self) -> None:
        """When the last filter goes, by leaving or by the end of the connection, the channel is as any other."""
        stays = self.subscriber("c")
        one, other = self.filtered(BUY), self.filtered(SELL)
        channel = self.server.engine.registry.apps["app-id"].channels["c"]
        self.assertIsNotNone(channel.segments)
        one.unsubscribe("c")
        other.cut()
        self.assertIsNone(channel.segments)
        self.assertHeard(stays, self.say("buy"))
        stays.cut()
        one.cut()
        self.server.advance(1)
        self.assertEqual(self.server.engine.registry.apps, {})

    def test_D112_two_apps(self) -> None:
        """Filters of one have nothing to do with the other's channel of the same name."""
        second = fixture_app(id="two", key="two", secret="two")
        settings = self.server.engine.settings
        self.serve([fixture_app(id="app-id", key="app-key", secret="app-secret"), second], settings=settings)
        client = self.filtered(SELL)
        other = self.server.client("two")
        other.subscribe("c", tags_filter=BUY)
        self.say("buy")
        self.assertHeard(client)
        self.assertHeard(other)
        text = self.say("sell")
        self.assertHeard(client, text)
        self.assertHeard(other)

    def test_D113_from_the_first_event_on(self) -> None:
        """Nothing slips through behind the success."""
        client = self.server.client("app-key")
        client.wire.feed(b"")
        frames = client.subscribe("c", tags_filter=BUY)
        self.say("sell")
        self.assertEqual((len(frames), client.take()), (1, []))

    def test_D114_batches(self) -> None:
        """Each item goes by its own tags."""
        one, other = self.filtered(BUY), self.filtered(SELL)
        items = [
            {"name": "n", "channel": "c", "data": str(n), "tags": {"side": side}}
            for n, side in enumerate(("buy", "sell", "buy"))
        ]
        self.assertEqual(self.batch(*items).status, 200)
        self.assertHeard(one, plain("0"), plain("2"))
        self.assertHeard(other, plain("1"))

    def test_the_excluded_one(self) -> None:
        """`socket_id` holds with filters, too."""
        client, other = self.filtered(), self.filtered()
        self.publish(data="1", channels=["c"], tags={"side": "buy"}, socket_id=client.established)
        self.assertHeard(client)
        self.assertHeard(other, plain("1"))

    def test_what_is_counted(self) -> None:
        """The event, for those who got it."""
        crowd = [self.filtered(BUY if number % 2 else SELL) for number in range(50)]
        tally = self.server.engine.tally.of("app-id")
        before = tally.sent
        self.say("buy")
        self.assertEqual((tally.sent - before, sum(len(client.take()) for client in crowd)), (25, 25))

    def test_a_cached_event_is_for_everybody(self) -> None:
        """Filters do not keep it back; a live event beats it for those who got that."""
        self.say("sell", "1", "cache-c")
        client = self.server.client("app-key")
        self.assertEqual(client.subscribe("cache-c", tags_filter=BUY)[1:], [plain("1", "cache-c")])

    def test_D118_each_node_filters_for_its_own(self) -> None:
        """What comes with tags is held against the filters here; filters are nobody else's business."""
        client, everything = self.filtered(), self.subscriber("c")
        texts = [self.say("sell", "1"), self.say("buy", "2")]
        self.assertHeard(client, texts[1])
        self.assertHeard(everything, *texts)


class TagTests(FilterCase):
    """Whether tags are sent."""

    tags = {"b": "2", "a": "1"}

    def heard(self, channel: str = "c", **members: Any) -> str:
        client = self.subscriber(channel)
        self.publish(data="1", channels=[channel], tags=self.tags, **members)
        (text,) = client.take()
        return text

    def test_D115_sent_or_not(self) -> None:
        """In the order of their keys; by the setting; by the channel's entry, both ways; with `delta:false`."""
        sent, bare = plain("1", tags=self.tags), plain("1")
        self.assertEqual(self.heard(), bare)
        self.delta(filtering=True)
        self.assertEqual(sent, '{"event":"n","channel":"c","data":"1","tags":{"a":"1","b":"2"}}')
        self.assertEqual([self.heard(), self.heard(delta=False)], [sent, sent])
        self.delta({"c": {"enable_tags": False}}, filtering=True, enable_tags=True)
        self.assertEqual([self.heard(), self.heard("d")], [bare, plain("1", "d", tags=self.tags)])
        self.delta({"c": {"enable_tags": True}}, filtering=False, enable_tags=False)
        self.assertEqual([self.heard(), self.heard("d")], [sent, plain("1", "d")])
        follower = self.follower()
        for number in range(3):
            self.publish(data=padded(number), channels=["c"], tags=self.tags)
        self.assertEqual(follower.events(), [plain(padded(number), tags=self.tags) for number in range(3)])
        self.assertKinds(follower, "full", "delta", "delta")

    def test_D116_no_section(self) -> None:
        """No tags in any text."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("{}")
        settings = delta_settings(load(path, {}, ".").config)
        self.delta(**settings._asdict())
        self.assertEqual(self.heard(), plain("1"))

    def test_tags_of_users(self) -> None:
        """An event to a user carries them as well."""
        self.delta(filtering=True)
        client = self.signed_in("u1")
        self.publish(data="1", channels=["#server-to-user-u1"], tags=self.tags)
        self.assertHeard(client, plain("1", "#server-to-user-u1", tags=self.tags))

    def test_tags_stay_out_of_the_cache(self) -> None:
        """A replay has none."""
        self.delta(filtering=True)
        self.assertIn('"tags"', self.heard("cache-c"))
        client = self.server.client("app-key")
        self.assertEqual(client.subscribe("cache-c")[1:], [plain("1", "cache-c")])


class FollowingTests(FilterCase):
    """Filters and deltas together."""

    def test_D117_positions(self) -> None:
        """A base is what this client received, whatever others did."""
        one, other = self.follower(tags_filter=BUY), self.follower()
        sides = ("buy", "sell", "sell", "buy", "sell", "buy")
        texts = [self.say(side, padded(n)) for n, side in enumerate(sides)]
        heard = one.client.take()
        self.assertEqual([numbers(text) for text in heard], [(0, None), (3, 0), (5, 3)])
        self.assertEqual([one.model.hear(text) for text in heard], [texts[0], texts[3], texts[5]])
        self.assertEqual(other.events(), texts)

    def test_another_filter_begins_anew(self) -> None:
        """What the others with that filter were handed is not what this client has."""
        one, other = self.follower(tags_filter=BUY), self.follower(tags_filter=SELL)
        for n, side in enumerate(("buy", "sell", "sell")):
            self.say(side, padded(n))
        one.take()
        one.subscribe(tags_filter=SELL)
        text = self.say("sell", padded("x"))
        self.assertEqual(one.events(), [text])
        self.assertEqual(one.kinds()[-1], "full")
        self.assertEqual(other.events()[-1], text)
        self.assertEqual(other.kinds()[-1], "delta")

    def test_filtered_beside_plain_beside_followers(self) -> None:
        """Four kinds of subscribers of one channel each get theirs."""
        plain_one, filtered = self.subscriber("c"), self.filtered()
        follower, both = self.follower(), Follower(self.filtered())
        both.enable()
        texts = [self.say("buy" if n % 3 else "sell", padded(n)) for n in range(9)]
        bought = [text for n, text in enumerate(texts) if n % 3]
        self.assertHeard(plain_one, *texts)
        self.assertHeard(filtered, *bought)
        self.assertEqual((follower.events(), both.events()), (texts, bought))
