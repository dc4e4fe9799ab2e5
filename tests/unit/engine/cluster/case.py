"""What tests of several nodes start from: three of them, and what their clients are told, in short."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryClient
from sockudo_tx.testing.cluster import MemoryCluster

__all__ = ["ROOM", "ClusterCase", "events", "told"]

ROOM = "presence-r"


def events(client: MemoryClient) -> list[tuple[str, Any]]:
    """Event and data of what it got, the data read; ours without their prefix."""
    found = []
    for message in client.json():
        data = message.get("data")
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError:
                pass
        found.append((message["event"].removeprefix("pusher_internal:"), data))
    return found


def told(client: MemoryClient) -> list[tuple[str, str]]:
    """Who was added and who was removed, in order."""
    return [(event.partition("_")[2], data["user_id"]) for event, data in events(client) if event.startswith("member_")]


class ClusterCase(SynchronousTestCase):
    """Three nodes `a`, `b` and `c`."""

    def setUp(self) -> None:
        self.start()

    def start(self, **how: Any) -> None:
        self.cluster = MemoryCluster(3, **how)
        self.a, self.b, self.c = self.cluster.nodes

    def subscriptions(self, place: int, channel: str) -> int:
        """Of all nodes, as one of them says when they have told each other."""
        self.cluster.advance(0.2)
        return self.cluster[place].subscriptions(channel)

    def client(self, place: int, *channels: str) -> MemoryClient:
        client = self.cluster[place].client()
        for channel in channels:
            client.subscribe(channel)
        return client

    def member(self, place: int, user_id: str) -> MemoryClient:
        client = self.cluster[place].client()
        client.subscribe(ROOM, user_id)
        return client
