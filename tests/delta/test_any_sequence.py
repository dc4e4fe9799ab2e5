"""Whatever happens, in whatever order: nobody ever fails to decode, and nobody ever sees a wrong message."""

from __future__ import annotations

import json
import random
from typing import Any

from sockudo_tx.protocol.publication import Publication
from sockudo_tx.protocol.tags import parse_filter
from sockudo_tx.testing.client import dumps
from sockudo_tx.transports.settings import WebSocketSettings
from tests.http.case import DEMO

from .case import DeltaCase, Follower

CHANNELS = ("c", "market", "private-p", "cache-c")
WISHES: tuple[Any, ...] = (None, True, False, "fossil", "xdelta3", {"algorithm": "vcdiff"})
FILTERS: tuple[Any, ...] = (
    None,
    {"key": "side", "cmp": "eq", "val": "buy"},
    {"key": "side", "cmp": "neq", "val": "buy"},
    {"op": "or", "nodes": [{"key": "side", "cmp": "nex"}, {"key": "size", "cmp": "gt", "val": 5}]},
)


class Party:
    """One client, what it is subscribed to, and what it is owed."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.filters: dict[str, Any] = {}
        self.owed: list[str] = []
        self.blocked = False
        self.lossy = False

    def settle(self) -> None:
        """What came is what was owed; of one that was blocked some may be missing, and nothing is in its place."""
        found = [text for text in self.follower.events() if "client-" in text or '"event":"e' in text]
        if not self.lossy:
            assert found == self.owed, (found, self.owed)
        elif not self.blocked:
            rest = iter(self.owed)
            assert all(text in rest for text in found), (found, self.owed)
        else:
            assert found == [], found
            return
        self.owed = []
        self.lossy = self.blocked


class AnySequenceTests(DeltaCase):
    """Seeded runs of everything at once."""

    channels: tuple[str, ...] = CHANNELS
    most = 24
    """Clients at a time."""

    def run_once(self, seed: int, steps: int) -> dict[str, int]:
        rng = random.Random(seed)
        self.rng = rng
        entries = {
            "market": {
                "conflation_key": rng.choice(["symbol", "data.symbol", "tags.side"]),
                "max_conflation_keys": rng.choice([1, 2, 3, 100]),
                "max_messages_per_key": rng.choice([1, 2, 10, 30]),
            },
            "private-p": {"algorithm": "xdelta3"},
        }
        self.delta(
            entries,
            websocket=WebSocketSettings(
                max_messages=rng.choice([1, 2, 5]),
                max_bytes=rng.choice([None, 600, 2000]),
                disconnect_on_buffer_full=False,
            ),
            full_message_interval=rng.choice([0, 1, 3, 10]),
            min_message_size=rng.choice([0, 100, 200]),
            max_state_age=30,
            omit_algorithm=rng.random() < 0.5,
            cache_sync=rng.choice(["reset", "states", "off"]),
            filtering=rng.random() < 0.7,
            enable_tags=rng.random() < 0.5,
        )
        self.parties: list[Party] = []
        self.serial = 0
        return self.run_on(rng, steps)

    def crowd(self, rng: random.Random) -> None:
        """Forty followers of one stream on a server that drops what it can."""
        self.rng, self.parties, self.serial = rng, [], 0
        self.delta(websocket=WebSocketSettings(max_messages=6, max_bytes=3000, disconnect_on_buffer_full=False))
        for _ in range(40):
            party = Party(self.follower("market"))
            party.filters["market"] = None
            self.parties.append(party)

    def run_on(self, rng: random.Random, steps: int) -> dict[str, int]:
        """Step by step; everybody is looked at after each."""
        kinds: dict[str, int] = {}
        for _ in range(steps):
            self.step()
            for party in self.parties:
                party.settle()
                for kind in party.follower.kinds():
                    kinds[kind] = kinds.get(kind, 0) + 1
        for party in self.parties:
            party.follower.client.cut()
        self.server.advance(1)
        self.assertEqual(self.server.engine.tables()["followed channels"], 0)
        return kinds

    def step(self) -> None:
        rng = self.rng
        move = rng.random()
        if not self.parties or move < 0.04:
            if len(self.parties) < self.most:
                self.join()
            return
        party = rng.choice(self.parties)
        if move < 0.10:
            self.subscribe(party)
        elif move < 0.12 and not party.blocked:
            channel = rng.choice(self.channels)
            party.filters.pop(channel, None)
            party.follower.client.unsubscribe(channel)
        elif move < 0.14:
            self.ask(party, {"event": "pusher:enable_delta_compression", "data": {}})
        elif move < 0.16 and not party.blocked:  # what is under way to it was written before
            channel = rng.choice(self.channels)
            party.follower.model.channels.pop(channel, None)
            self.ask(party, {"event": "pusher:delta_sync_error", "data": {"channel": channel}})
        elif move < 0.20:
            party.blocked = not party.blocked
            party.lossy = True
            party.follower.block() if party.blocked else party.follower.read()
        elif move < 0.22:
            self.client_event(party)
        elif move < 0.23:
            party.follower.client.cut()
            self.parties.remove(party)
        elif move < 0.25:
            self.server.advance(rng.choice([1, 20, 40, 100]))
        elif move < 0.26:
            self.other_rules()
        else:
            self.publish_some()

    def other_rules(self) -> None:
        """The app's settings change while all are there; keys stay keys, since nothing tells clients of their end."""
        entries = [
            {"conflation_key": path, "max_messages_per_key": 3} for path in ("symbol", "data.symbol", "tags.side")
        ]
        market: Any = self.rng.choice([*entries, {"enabled": False, "conflation_key": "symbol"}])
        private = self.rng.choice(["xdelta3", "fossil", "disabled"])
        self.server.change_app(DEMO.id, channel_delta_compression={"market": market, "private-p": private})

    def ask(self, party: Party, message: Any) -> None:
        party.follower.client.send(message)

    def join(self) -> None:
        follower = Follower(self.server.client(DEMO.key))
        party = Party(follower)
        self.parties.append(party)
        if self.rng.random() < 0.6:
            offers: list[tuple[str, ...]] = [(), (), ("fossil", "xdelta3"), ("xdelta3",)]
            follower.enable(*self.rng.choice(offers))
        for _ in range(self.rng.randrange(4)):
            self.subscribe(party)

    def subscribe(self, party: Party) -> None:
        channel, wish, wanted = self.rng.choice(self.channels), self.rng.choice(WISHES), self.rng.choice(FILTERS)
        client = party.follower.client
        data = {"channel": channel, "delta": wish, "tags_filter": wanted}
        if channel.startswith("private-"):
            data["auth"] = client.auth(channel)
        client.send({"event": "pusher:subscribe", "data": data})
        in_force = self.server.engine.settings.delta.filtering
        party.filters[channel] = parse_filter(wanted) if wanted is not None and in_force else None
        if channel.startswith("cache-"):
            party.owed += self.cached()

    def cached(self) -> list[str]:
        stored = self.server.cache.get(f"app:{DEMO.id}:channel:cache-c:cache_miss")
        return [] if stored is None else [stored[0]]

    def client_event(self, party: Party) -> None:
        if "private-p" not in party.filters:
            return
        self.serial += 1
        data = {"n": self.serial, **({"__delta_seq": 3} if self.rng.random() < 0.3 else {})}
        text = dumps({"event": "client-x", "channel": "private-p", "data": data})
        self.ask(party, text)
        for other in self.parties:
            if other is not party and "private-p" in other.filters:
                other.owed.append(text)

    def publish_some(self) -> None:
        rng = self.rng
        channel = rng.choice(self.channels)
        events = []
        for _ in range(rng.choice([1, 1, 1, 2, 3, 5])):
            if rng.random() < 0.2:
                channel = rng.choice(self.channels)
            event = self.event(channel)
            events.append(event)
            emitted = bool(event.tags) and self.server.engine.settings.delta.enable_tags
            frame = {"event": event.name, "channel": channel, "data": event.data}
            if emitted and event.tags:
                frame["tags"] = dict(sorted(event.tags.items()))  # type: ignore[assignment]
            text = dumps(frame)
            for party in self.parties:
                if channel not in party.filters or party.follower.id == event.socket_id:
                    continue
                wanted = party.filters[channel]
                if wanted is None or wanted.matches(event.tags or {}):
                    party.owed.append(text)
        self.at_once(*events)

    def event(self, channel: str) -> Publication:
        rng = self.rng
        self.serial += 1
        data: dict[str, Any] = {"n": self.serial, "symbol": rng.choice(["BTC", "ETH", 'q"q', "\\", 7, None, "x" * 250])}
        size = rng.choice([0, 5, 40, 40, 200])
        data["pad"] = [rng.choice(["alpha", "βeta", "gamma", "\U0001f600", 3.5]) for _ in range(size)]
        if rng.random() < 0.03:
            data["__delta_seq"] = rng.randrange(9)
        text = json.dumps(data, ensure_ascii=rng.random() < 0.2)
        if rng.random() < 0.03:
            text = rng.choice(["", "plain text", '{"\\u005f_delta_seq":2}', "[]"])
        tags = rng.choice([None, {}, {"side": "buy"}, {"side": "sell", "size": "9"}, {"size": "2", "a": "b"}])
        excluded = rng.choice(self.parties).follower.id if rng.random() < 0.2 else None
        delta = False if rng.random() < 0.1 else None
        return Publication(rng.choice(["e1", "e1", "e1", "e2"]), (channel,), text, excluded, tags, delta)

    def run_all(self, seeds: range, steps: int) -> dict[str, int]:
        """Events of each kind that were heard."""
        kinds: dict[str, int] = {}
        for seed in seeds:
            for kind, count in self.run_once(seed, steps).items():
                kinds[kind] = kinds.get(kind, 0) + count
        return kinds

    def test_a_crowd(self) -> None:
        """So many on one channel that they share what is sent, while some of them do not read."""
        self.channels, self.most = ("market",), 60
        for seed in range(100, 103):
            rng = random.Random(seed)
            self.crowd(rng)
            kinds = self.run_on(rng, 150)
            self.assertGreater(min(kinds["full"], kinds["delta"]), 200, kinds)

    def test_many_short_runs(self) -> None:
        """Twenty-four clients at most, of every kind, on four channels, with all that can happen to them."""
        kinds = self.run_all(range(12), 250)
        self.assertGreater(min(kinds.get(kind, 0) for kind in ("plain", "full", "delta")), 300, kinds)
