"""Settings that change while clients follow, and states that end."""

from __future__ import annotations

import json

from .case import DeltaCase, Follower, padded


class ChangedSettingsTests(DeltaCase):
    """Other rules for a channel hold from the next event on."""

    def test_a_path_comes_and_goes(self) -> None:
        """With the first key clients leave behind what they have without one: the next event without a key is whole."""
        for sync in ("reset", "states", "off"):
            self.delta(cache_sync=sync)
            follower = self.follower()
            texts = [self.tell(padded(n)) for n in range(2)]
            self.server.change_app("app-id", channel_delta_compression={"c": {"conflation_key": "symbol"}})
            texts += [self.tell(padded(n, symbol="BTC")) for n in range(2)]
            texts += [self.tell(padded(n)) for n in range(2)]
            self.server.change_app("app-id", channel_delta_compression=None)
            texts += [self.tell(padded(n, symbol="BTC")) for n in range(2)]
            self.assertEqual(follower.events(), texts, sync)

    def test_a_path_that_is_only_told_of(self) -> None:
        """A newcomer hears of a path that is taken back before the first event: it decodes what comes."""
        for sync in ("reset", "states"):
            self.delta(cache_sync=sync)
            follower = self.follower()
            texts = [self.tell(padded(n)) for n in range(2)]
            self.server.change_app("app-id", channel_delta_compression={"c": {"conflation_key": "symbol"}})
            newcomer = self.follower()
            self.server.change_app("app-id", channel_delta_compression=None)
            late = [self.tell(padded(n)) for n in range(3)]
            self.assertEqual(newcomer.events(), late, sync)
            self.assertEqual(follower.events(), texts + late, sync)

    def test_off_for_a_while(self) -> None:
        """Who was there gets deltas again, without having to ask; whoever goes meanwhile is forgotten."""
        self.delta({"c": {"conflation_key": "symbol"}})
        stays, goes = self.follower(), self.follower()
        texts = [self.tell(padded(n)) for n in range(3)]
        self.server.change_app("app-id", channel_delta_compression={"c": "disabled"})
        texts.append(self.tell(padded(3)))
        goes.client.cut()
        texts.append(self.tell(padded(4)))
        self.server.change_app("app-id", channel_delta_compression={"c": {"conflation_key": "symbol"}})
        texts += [self.tell(padded(n)) for n in range(3)]
        self.assertEqual(stays.events(), texts)
        self.assertEqual(stays.kinds()[-8:], ["full", "delta", "delta", "plain", "plain", "full", "delta", "delta"])

    def test_off_for_a_while_in_other_words(self) -> None:
        """The rules may change again while there are no deltas."""
        self.delta()
        follower = self.follower()
        self.tell(padded(0))
        for entry in ("disabled", {"enabled": False, "min_message_size": 5}, "fossil"):
            self.server.change_app("app-id", channel_delta_compression={"c": entry})
            self.tell(padded(1))
        self.assertEqual(follower.kinds(), ["full", "plain", "plain", "full"])

    def test_nothing_is_kept_of_what_was_off(self) -> None:
        """Once there are deltas again, and their last follower goes, the channel is as any other."""
        self.delta()
        self.subscriber("c")
        follower = self.follower()
        for entry in ("disabled", "fossil"):
            self.server.change_app("app-id", channel_delta_compression={"c": entry})
            self.tell(padded(1))
        follower.client.unsubscribe("c")
        self.assertIsNone(self.server.engine.registry.apps["app-id"].channels["c"].segments)


class StatesTests(DeltaCase):
    """A newcomer that was sent states has them until something takes them away."""

    def newcomer(self) -> tuple[Follower, Follower]:
        """One who is there and one who came later, each with a message of BTC."""
        self.delta({"c": {"conflation_key": "symbol"}}, cache_sync="states")
        first = self.follower()
        self.tell(padded(1, symbol="BTC"))
        newcomer = self.follower()
        first.kinds()
        return first, newcomer

    def test_resync(self) -> None:
        """Whoever has no base is sent whole messages, whatever the states were."""
        first, newcomer = self.newcomer()
        newcomer.model.channels.pop("c")
        newcomer.send({"event": "pusher:delta_sync_error", "data": {"channel": "c"}})
        text = self.tell(padded(2, symbol="BTC"))
        self.assertEqual(newcomer.events(), [text])
        self.assertKinds(newcomer, "full")
        self.assertKinds(first, "delta")

    def test_poison(self) -> None:
        """A message that spoils what clients remember spoils the states, too."""
        first, newcomer = self.newcomer()
        texts = [self.tell('{"__delta_seq":0}'), self.tell(padded(2, symbol="BTC"))]
        self.assertEqual(newcomer.events(), texts)
        self.assertKinds(newcomer, "plain", "full")
        self.assertKinds(first, "plain", "full")

    def test_nothing_is_left(self) -> None:
        """Of who has gone nothing is remembered while others stay."""
        first, newcomer = self.newcomer()
        segments = self.server.engine.registry.apps["app-id"].channels["c"].segments
        assert segments is not None
        self.assertEqual(len(segments.told), 1)
        newcomer.client.unsubscribe("c")
        self.assertEqual(len(segments.told), 0)
        first.client.unsubscribe("c")

    def test_poison_of_a_cached_event(self) -> None:
        """The same where only the newcomer is sent it."""
        self.delta({"*": {"conflation_key": "symbol"}}, cache_sync="states")
        self.follower("cache-c")
        self.tell(padded(1, symbol="BTC"), "cache-c")
        self.tell('{"__delta_seq":0}', "cache-c")
        newcomer = self.follower("cache-c")
        newcomer.events()
        text = self.tell(padded(2, symbol="BTC"), "cache-c")
        self.assertEqual(newcomer.events(), [text])

    def test_poison_and_no_path_any_more(self) -> None:
        """Who knows keys is told to forget them, whatever holds by now; who asked for no deltas hears of nothing."""
        first, newcomer = self.newcomer()
        plain_one = self.subscriber("c")
        self.server.change_app("app-id", channel_delta_compression=None)
        texts = [self.tell(padded(2)), self.tell('{"__delta_seq":0}')]
        told = first.take()
        self.assertEqual(json.loads(told[-1])["event"], "pusher:delta_cache_sync")
        newcomer.take()
        self.assertEqual(plain_one.take(), texts)
        self.assertEqual(self.tell(padded(3)), newcomer.events()[-1])
