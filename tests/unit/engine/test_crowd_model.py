"""Crowds that leave while others come, publish and ask, at random: whoever is there knows and gets what a model says.

That facts and members' notices alternate is for test_transitions.py.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Collection
from typing import Any

import pytest

from sockudo_tx.interfaces import ChannelCounts

from .case import GRACE, EngineCase, Peer

ROOMS = [f"presence-{number}" for number in range(3)]
HALLS = [f"hall-{number}" for number in range(6)]
CHANNELS = ROOMS + HALLS
USERS = [f"u{number}" for number in range(25)]


class Client:
    """A client that believes what it is told, and complains of what cannot be."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.channels: dict[str, str | None] = {}
        """Those it is in, with the user it is there."""
        self.members: dict[str, set[str]] = {}
        self.counts: dict[str, int] = {}
        self.events: list[tuple[str, str]] = []
        """Channel and data of what was published."""
        peer.take()

    def listen(self) -> None:
        """Everything said to it since the last time."""
        for text in self.peer.take():
            message = json.loads(text)
            name, channel = message["event"].rpartition(":")[2], message.get("channel", "")
            data: Any = message.get("data")
            if name == "subscription_succeeded" and channel in ROOMS:
                self.members[channel] = set(json.loads(data)["presence"]["ids"])
            elif name == "member_added":
                user = json.loads(data)["user_id"] if isinstance(data, str) else data["user_id"]
                assert user not in self.members[channel], (channel, user)
                self.members[channel].add(user)
            elif name == "member_removed":
                user = json.loads(data)["user_id"] if isinstance(data, str) else data["user_id"]
                self.members[channel].remove(user)
            elif name == "subscription_count":
                self.counts[channel] = (json.loads(data) if isinstance(data, str) else data)["subscription_count"]
            elif name == "e":
                self.events.append((channel, data))

    def subscribe(self, channel: str, user_id: str | None) -> None:
        if channel not in self.channels:
            self.channels[channel] = user_id
            self.peer.say({"event": "pusher:subscribe", "data": self.peer.signed(channel, user_id)})

    def unsubscribe(self, channel: str) -> None:
        self.listen()
        self.channels.pop(channel, None)
        self.members.pop(channel, None)
        self.counts.pop(channel, None)
        self.peer.say({"event": "pusher:unsubscribe", "data": {"channel": channel}})


class CrowdModelTests(EngineCase):
    """The engine beside a list of who is there"""

    def setUp(self) -> None:
        self.serve(enable_subscription_count_events=True)
        self.here: list[Client] = []
        self.going: list[Client] = []
        """Ended, and perhaps not taken out yet."""
        self.occupied: dict[str, bool] = {}
        self.seen: Counter[str] = Counter()

    def play(self, rounds: int) -> None:
        chance = random.Random(rounds)
        actions = (self.come, self.cut, self.publish_one, self.ask, self.move, self.pass_time)
        for number in range(rounds):
            chance.choice(actions)(chance)
            if not self.engine.leaving:
                self.nobody_goes()
            if number % 200 == 199:
                self.rest()
        self.rest()
        for wanted in ("publish beside leavers", "ask beside leavers", "come beside leavers", "exact"):
            self.assertGreater(self.seen[wanted], rounds // 100, self.seen)

    def come(self, chance: random.Random) -> None:
        """Some arrive, and enter channels that others are leaving."""
        for _ in range(chance.randrange(1, 25)):
            client = Client(self.connect())
            self.peers.clear()
            for channel in chance.sample(CHANNELS, chance.randrange(1, 5)):
                client.subscribe(channel, chance.choice(USERS) if channel in ROOMS else None)
            self.here.append(client)
        self.seen["come beside leavers"] += self.engine.leaving > 0

    def cut(self, chance: random.Random) -> None:
        """Many end in one turn, sometimes all."""
        chance.shuffle(self.here)
        for _ in range(chance.choice((1, 5, 20, 40, len(self.here)))):
            if self.here:
                client = self.here.pop()
                client.peer.vanish()
                client.peer.take()
                self.going.append(client)

    def move(self, chance: random.Random) -> None:
        """Some leave a channel, or enter another."""
        for client in self.here[:10]:
            channel = chance.choice(CHANNELS)
            if channel in client.channels:
                client.unsubscribe(channel)
            else:
                client.subscribe(channel, chance.choice(USERS) if channel in ROOMS else None)

    def publish_one(self, chance: random.Random) -> None:
        """It reaches everybody who is in the channel, once, and nobody else."""
        self.seen["publish beside leavers"] += self.engine.leaving > 0
        channel, data = chance.choice(CHANNELS), str(chance.random())
        for client in self.here:
            client.listen()
            client.events.clear()
        self.publish(channel, data=data)
        for client in self.here:
            client.listen()
            self.assertEqual(client.events, [(channel, data)] if channel in client.channels else [])

    def ask(self, chance: random.Random) -> None:
        """What REST tells of a channel lies between those who are there, and these with those who are going."""
        self.seen["ask beside leavers"] += self.engine.leaving > 0
        for channel in CHANNELS:
            here, both = self.inside(channel, self.here), self.inside(channel, self.here + self.going)
            found = self.engine.counts("app", channel)
            assert isinstance(found, ChannelCounts)
            self.assertTrue(len(here) <= found.subscriptions <= len(both), (channel, found))
            members = self.engine.members("app", channel)
            assert isinstance(members, list)
            self.assertEqual(len(members), len(set(members)))
            if channel in ROOMS:
                self.assertTrue(set(here) <= set(members) <= set(both), channel)
                self.assertEqual(found.users, len(members))
        occupied = self.engine.channels("app", "")
        assert isinstance(occupied, dict)
        self.assertTrue(self.busy(self.here) <= occupied.keys() <= self.busy(self.here + self.going))

    def pass_time(self, chance: random.Random) -> None:
        """A slice, several, or long enough for webhooks."""
        for _ in range(chance.choice((1, 1, 2, 3))):
            self.turn()
        if chance.random() < 0.2:
            self.advance(chance.choice((0.01, 0.1, GRACE)))

    def nobody_goes(self) -> None:
        """All are out: REST is exact, and nobody who ended was told of the others."""
        told = [text for client in self.going for text in client.peer.take()]  # a sink whose wire is gone drops it
        self.assertEqual([text for text in told if "member_removed" in text], [])
        self.going.clear()
        self.ask(random.Random(0))
        self.seen["exact"] += 1

    def rest(self) -> None:
        """When all has come to rest, members, subscribers and webhooks have heard the truth."""
        self.advance(GRACE + 6)
        self.nobody_goes()
        for client in self.here:
            client.listen()
            for channel in client.channels:
                inside = self.inside(channel, self.here)
                if channel in ROOMS:
                    self.assertEqual(client.members[channel], set(inside), channel)
                else:
                    self.assertEqual(client.counts[channel], len(inside), channel)
        for fact in self.told("channel_occupied", "channel_vacated"):
            self.occupied[fact.channel] = fact.name == "channel_occupied"
        self.assertEqual({channel for channel, told in self.occupied.items() if told}, self.busy(self.here))

    def inside(self, channel: str, clients: Collection[Client]) -> list[str | None]:
        """As whom each of these is in the channel."""
        return [client.channels[channel] for client in clients if channel in client.channels]

    def busy(self, clients: Collection[Client]) -> set[str]:
        """Channels that some of these are in."""
        return {channel for client in clients for channel in client.channels}

    def tearDown(self) -> None:
        for client in self.here:
            client.peer.vanish()
        super().tearDown()

    def test_interleaved(self) -> None:
        """Over 2,000 steps."""
        self.play(2_000)

    @pytest.mark.long
    def test_interleaved_long(self) -> None:
        """Over 20,000."""
        self.play(20_000)
