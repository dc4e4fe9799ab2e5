"""Streams by a value in the message, D-53 to D-67, and what channels' own settings say, D-68 to D-72."""

from __future__ import annotations

import json
from typing import Any

from sockudo_tx.delta.settings import DeltaSettings
from sockudo_tx.engine.settings import EngineSettings

from .case import DeltaCase, Follower, padded
from .test_d019_full_and_delta import numbers


def key(text: str) -> str | None:
    """The conflation key of a numbered message, None if it has none."""
    message = json.loads(text)
    if message["event"] == "pusher:delta":
        found: str | None = message["data"].get("conflation_key")
    else:
        found = message.get("__conflation_key")
    return found


def synced(path: str = "symbol", states: str = "{}", channel: str = "c") -> str:
    return (
        f'{{"event":"pusher:delta_cache_sync","channel":"{channel}",'
        f'"data":{{"conflation_key":"{path}","max_messages_per_key":10,"states":{states}}}}}'
    )


class ConflationCase(DeltaCase):
    """Channel `c` has the path `symbol`."""

    def setUp(self) -> None:
        self.delta({"c": {"conflation_key": "symbol"}})

    def by_path(self, path: str, *datas: str, tags: dict[str, str] | None = None, **settings: Any) -> list[str | None]:
        """The keys of these messages where the path is this; the client decodes all of them."""
        self.delta({"c": {"conflation_key": path}}, **settings)
        follower = self.follower()
        texts = [self.tell(data, tags=tags) for data in datas]
        heard = follower.client.take()
        self.assertEqual([follower.model.hear(text) for text in heard], texts)
        return [key(text) for text in heard]


class KeyTests(ConflationCase):
    """Which stream a message belongs to."""

    def test_D53_two_symbols(self) -> None:
        """Each has its own numbers and bases."""
        follower = self.follower()
        texts = [self.tell(padded(n, symbol=("BTC", "ETH")[n % 2])) for n in range(4)]
        heard = follower.client.take()
        self.assertEqual([follower.model.hear(text) for text in heard], texts)
        self.assertEqual([(*numbers(text), key(text)) for text in heard], [
            (0, None, "BTC"), (0, None, "ETH"), (1, 0, "BTC"), (1, 0, "ETH"),
        ])  # fmt: skip
        self.assertTrue(heard[0].endswith(',"__delta_seq":0,"__conflation_key":"BTC"}'))

    def test_D54_two_event_names(self) -> None:
        """One base for each symbol."""
        follower = self.follower()
        names = ("a", "a", "b", "b", "a", "b", "b", "a")
        texts = [self.tell(padded(n, symbol=("BTC", "ETH")[n % 2]), name=name) for n, name in enumerate(names)]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, "full", "full", *["delta"] * 6)

    def test_D55_a_path_into_the_data(self) -> None:
        """Which is a string on the wire."""
        datas = [padded(n, symbol="BTC") for n in range(2)]
        self.assertEqual(self.by_path("data.symbol", *datas), ["BTC", "BTC"])
        self.assertEqual(self.by_path("a.b", padded(1, a={"b": "x"})), ["x"])
        self.assertEqual(self.by_path("event", padded(1)), ["n"])

    def test_D56_a_path_into_the_tags(self) -> None:
        """Also where tags are not sent."""
        keys = self.by_path("tags.symbol", padded(1), padded(2), tags={"symbol": "BTC"}, enable_tags=False)
        self.assertEqual(keys, ["BTC", "BTC"])

    def test_D57_keys_that_are_no_text(self) -> None:
        """As JSON writes them."""
        datas = [padded(n, symbol=value) for n, value in enumerate((7, 1.0, True, 7, 1.0, True))]
        self.assertEqual(self.by_path("symbol", *datas), ["7", "1.0", "true"] * 2)

    def test_D58_no_key(self) -> None:
        """Through an array, or missing: the empty key, which is told."""
        datas = [padded(n, a=[{"b": "x"}]) for n in range(3)]
        self.assertEqual(self.by_path("a.b", *datas), ["", "", ""])
        self.assertEqual(self.by_path("missing", *datas, "x" * 300), [""] * 4)

    def test_D59_quotation_marks(self) -> None:
        """Replaced; the second message decodes."""
        self.assertEqual(self.by_path("symbol", *[padded(n, symbol='a"b') for n in range(3)]), ["a'b"] * 3)

    def test_D60_odd_keys(self) -> None:
        """They decode."""
        for odd in ("\\", "a\\", "\n", "\x00", "é\U0001f600", "}", ",", "__x"):
            self.assertEqual(self.by_path("symbol", *[padded(n, symbol=odd) for n in range(3)]), [odd] * 3)

    def test_D61_long_keys(self) -> None:
        """A mark and 40 hexadecimal digits."""
        (found, again) = self.by_path("symbol", *[padded(n, symbol="x" * 300) for n in range(2)])
        self.assertRegex(found or "", "^~[0-9a-f]{40}$")
        self.assertEqual(found, again)

    def test_D62_too_many_keys(self) -> None:
        """One that returns is full again, with a number above all it had."""
        self.delta({"c": {"conflation_key": "symbol", "max_conflation_keys": 2}})
        follower = self.follower()
        texts = [self.tell(padded(n, symbol="abc"[n % 3])) for n in range(9)]
        heard = follower.client.take()
        self.assertEqual([follower.model.hear(text) for text in heard], texts)
        self.assertKinds(follower, *["full"] * 9)
        seen = [numbers(text)[0] for text in heard]
        for start in range(3):
            self.assertEqual(sorted(set(seen[start::3])), seen[start::3])
        self.assertEqual(self.server.engine.tally.of("app-id").delta_evictions, 7)


class SyncTests(ConflationCase):
    """What a client is told to remember."""

    def test_D63_at_subscribing(self) -> None:
        """Success, confirmation, an empty sync, then events."""
        self.tell(padded(0, symbol="BTC"))
        follower = Follower(self.server.client("app-key"))
        texts = follower.subscribe(delta=True)
        self.assertEqual([json.loads(text)["event"] for text in texts], [
            "pusher_internal:subscription_succeeded",
            "pusher:delta_compression_enabled",
            "pusher:delta_cache_sync",
        ])  # fmt: skip
        self.assertEqual(texts[2], synced())
        self.tell(padded(1, symbol="BTC"))
        self.assertKinds(follower, "full")

    def test_D64_at_enabling(self) -> None:
        """Once for each such channel; not again."""
        follower = self.follower("c", "other", enabled=False)
        self.assertEqual(follower.enable()[1:], [synced()])
        self.assertEqual(len(follower.enable()), 1)
        self.assertEqual(len(follower.subscribe()), 1)

    def test_D65_a_client_that_remembers(self) -> None:
        """Of a server that was started anew it decodes everything."""
        model = self.follower().model
        follower = self.follower()
        follower.model = model
        for restart in range(3):
            if restart:
                self.delta({"c": {"conflation_key": "symbol"}})
                follower = Follower(self.server.client("app-key"))
                follower.model = model
                follower.enable()
                follower.subscribe()
            texts = [self.tell(padded(f"{restart} {n}", symbol="BTC" if n % 2 else "ETH")) for n in range(20)]
            self.assertEqual(follower.events(), texts)

    def test_D66_states(self) -> None:
        """The last message of each stream that passes the filter, so that the first event may be a delta."""
        self.delta({"c": {"conflation_key": "symbol"}}, cache_sync="states", filtering=True, enable_tags=False)
        self.follower()
        for n, (symbol, side) in enumerate([("BTC", "buy"), ("BTC", "buy"), ("ETH", "sell"), ("XRP", "buy")]):
            self.tell(padded(n, symbol=symbol), tags={"side": side})
        follower = Follower(self.server.client("app-key"))
        follower.enable()
        wanted = {"key": "side", "cmp": "eq", "val": "buy"}
        (_, sync) = follower.subscribe(tags_filter=wanted)
        states = json.loads(sync)["data"]["states"]
        self.assertEqual(
            {name: [state["seq"] for state in kept] for name, kept in states.items()}, {"XRP": [0], "BTC": [1]}
        )
        texts = [
            self.tell(padded(n, symbol=symbol), tags={"side": "buy"}) for n, symbol in enumerate(("BTC", "XRP", "ETH"))
        ]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, "delta", "delta", "full")

    def test_states_have_a_limit(self) -> None:
        """The newest 100 streams, of 64 KiB together; what was not told is no base."""
        self.delta({"c": {"conflation_key": "symbol", "max_conflation_keys": 0}}, cache_sync="states")
        self.follower()
        for n in range(130):
            self.tell(padded(n, symbol=str(n)))
        follower = Follower(self.server.client("app-key"))
        follower.enable()
        states = json.loads(follower.subscribe()[1])["data"]["states"]
        self.assertEqual(set(states), {str(n) for n in range(30, 130)})
        texts = [self.tell(padded("x", symbol=str(n))) for n in (29, 30)]
        self.assertEqual(follower.events(), texts)
        self.assertKinds(follower, "full", "delta")
        self.tell(padded("x" * 60_000, symbol="y"))
        self.tell(padded("x" * 60_000, symbol="z"))
        follower = Follower(self.server.client("app-key"))
        follower.enable()
        self.assertEqual(set(json.loads(follower.subscribe()[1])["data"]["states"]), {"z"})

    def test_no_sync(self) -> None:
        """`off`: nothing is told, and who comes back within its connection is never given a number twice."""
        self.delta({"c": {"conflation_key": "symbol"}}, cache_sync="off")
        follower = Follower(self.server.client("app-key"))
        follower.enable()
        for begun in (0, 10, 20):
            self.assertEqual(len(follower.subscribe()), 1)
            texts = [self.tell(padded(begun + n, symbol="BTC")) for n in range(4)]
            self.assertEqual(follower.events(), texts)
            self.assertKinds(follower, "full", "delta", "delta", "delta")
            follower.client.unsubscribe("c")

    def test_what_spoils_the_memory_of_clients(self) -> None:
        """With many streams they are told to forget everything, behind the message that did it."""
        follower = self.follower()
        self.tell(padded(1, symbol="BTC"))
        text = self.tell(padded(2, symbol="BTC", __delta_seq=0))
        heard = follower.client.take()
        self.assertEqual(heard[1:], [text, synced()])
        for each in heard:
            follower.model.hear(each)
        texts = [self.tell(padded(n)) for n in range(3)]
        self.assertEqual(follower.events(), texts)
        self.assertEqual(follower.kinds()[2:], ["full", "delta", "delta"])

    def test_a_cached_event_that_spoils_it(self) -> None:
        """Whoever it is replayed to is told to forget it."""
        self.delta({"cache-c": {"conflation_key": "symbol"}}, cache_sync="states")
        others = self.follower("cache-c")
        self.tell(padded(1, symbol="BTC"), "cache-c")
        text = self.tell(padded(2, __delta_seq=0), "cache-c")
        follower = Follower(self.server.client("app-key"))
        follower.enable()
        texts = follower.subscribe("cache-c")
        self.assertEqual(texts[2:], [text, synced(channel="cache-c")])
        texts = [self.tell(padded(n), "cache-c") for n in range(3)]
        self.assertEqual(follower.events(), texts)
        self.assertEqual(others.events()[-3:], texts)

    def test_D67_the_path_of_the_channel(self) -> None:
        """It beats that of the server."""
        self.delta({"c": {"conflation_key": "a"}}, conflation_key_path="b")
        follower = self.follower("c", "other")
        self.assertEqual(follower.model.channels["other"].keyed, True)
        self.tell(padded(1, a="x", b="y"), "c")
        self.tell(padded(1, a="x", b="y"), "other")
        self.assertEqual([key(text) for text in follower.take()], ["x", "y"])


class EntryTests(DeltaCase):
    """`channel_delta_compression`"""

    def test_D68_disabled(self) -> None:
        """Plain, although the subscription asks for deltas; nothing is told."""
        for entry in ("disabled", {"enabled": False}):
            self.delta({"c": entry})
            follower = self.follower(enabled=False)
            self.assertEqual(len(follower.subscribe(delta=True)), 1)
            self.assertEqual([self.tell(padded(n)) for n in range(3)], follower.take())

    def test_D69_algorithm(self) -> None:
        """The channel's, with a server of the other; a client that cannot decode it keeps its own."""
        self.delta({"c": "xdelta3"})
        both, one = self.follower(), self.follower(enabled=False)
        one.enable("fossil")
        self.tell(padded(1))
        both.take(), one.take()
        self.tell(padded(2))
        algorithms = [json.loads(each.take()[0])["data"]["algorithm"] for each in (both, one)]
        self.assertEqual(algorithms, ["xdelta3", "fossil"])

    def followed(self, entries: dict[str, Any], *channels: str) -> list[bool]:
        """Whether a message on each channel is numbered."""
        self.delta(entries)
        follower = self.follower(*channels)
        for channel in channels:
            self.tell(padded(1), channel)
        return ["__delta_seq" in text for text in follower.take()]

    def test_D70_patterns(self) -> None:
        """Stars stand for any run of characters, also for none."""
        entries = {"market-*": "disabled", "*-data": "disabled", "a*b*c": "disabled"}
        names = ("market-", "market-1", "x-data", "abc", "axbyc", "ab", "Market-1", "market")
        self.assertEqual(self.followed(entries, *names), [False] * 5 + [True] * 3)
        self.assertEqual(self.followed({"*": "disabled"}, *names), [False] * 8)

    def test_D71_precedence(self) -> None:
        """The exact name, then more characters, the star alone last."""
        entries = {"*": "disabled", "market-*": "fossil", "market-x*": "disabled", "market-xy": "fossil"}
        self.assertEqual(self.followed(entries, "a", "market-1", "market-x", "market-xy"), [False, True, False, True])

    def test_D72_inherit(self) -> None:
        """An exact entry shields from the star."""
        self.assertEqual(self.followed({"*": "disabled", "c": "inherit"}, "c", "d"), [True, False])

    def test_other_settings_while_it_runs(self) -> None:
        """They hold from the next event on, for those who follow already: off, on again, another algorithm, a path."""
        follower = self.follower()
        texts = [self.tell(padded(n)) for n in range(2)]
        for entry in ("disabled", "fossil", "xdelta3", {"conflation_key": "n"}, None):
            self.server.change_app("app-id", channel_delta_compression=None if entry is None else {"c": entry})
            texts += [self.tell(padded(n)) for n in range(2)]
        heard = follower.events()
        self.assertEqual(heard, texts[-len(heard) :])
        self.assertEqual(follower.kinds()[-10:-6], ["plain", "plain", "full", "delta"])
        settings = EngineSettings(auto_ping=False, idle_timeout=0, delta=DeltaSettings(enabled=False))
        self.server.engine.adjust(settings)
        self.assertEqual([self.tell(padded(n)) for n in range(2)], follower.take())
