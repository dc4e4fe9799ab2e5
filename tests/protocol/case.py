"""What every conformance case starts from, and the exact texts that pass over the wire."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryClient, MemoryServer, fixture_app

__all__ = [
    "PONG",
    "UNSIGNED",
    "ProtocolCase",
    "added",
    "count",
    "error",
    "event",
    "presence",
    "quoted",
    "removed",
    "subscribe",
    "succeeded",
    "watchlist",
]

PONG = '{"event":"pusher:pong"}'
UNSIGNED = "Authentication error: Channel requires authentication"


def quoted(text: str) -> str:
    """A text as a JSON string."""
    return json.dumps(text, ensure_ascii=False)


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def error(code: int, text: str) -> str:
    """E(code,text) of the cases."""
    return f'{{"event":"pusher:error","data":{{"code":{code},"message":{quoted(text)}}}}}'


def event(name: str, channel: str, data: str = "{}") -> str:
    """A published event."""
    return f'{{"event":{quoted(name)},"channel":{quoted(channel)},"data":{quoted(data)}}}'


def succeeded(channel: str, data: str = "{}") -> str:
    return event("pusher_internal:subscription_succeeded", channel, data)


def presence(channel: str, *members: tuple[str, Any]) -> str:
    """`subscription_succeeded` of a presence channel with these (user id, user info) members, in order."""
    inner = {"ids": [user for user, _ in members], "hash": dict(members), "count": len(members)}
    return succeeded(channel, compact({"presence": inner}))


def added(channel: str, user_id: str, user_info: Any) -> str:
    return event("pusher_internal:member_added", channel, compact({"user_id": user_id, "user_info": user_info}))


def removed(channel: str, user_id: str) -> str:
    return event("pusher_internal:member_removed", channel, compact({"user_id": user_id}))


def count(channel: str, number: int) -> str:
    return event("pusher_internal:subscription_count", channel, f'{{"subscription_count":{number}}}')


def watchlist(*entries: tuple[str, list[str]]) -> str:
    """`watchlist_events` with these (name, user ids) entries."""
    inner = compact({"events": [{"name": name, "user_ids": ids} for name, ids in entries]})
    return f'{{"event":"pusher_internal:watchlist_events","data":{quoted(inner)}}}'


def subscribe(channel: str, auth: str = "") -> str:
    """The text of a subscribe as pusher-js sends it."""
    return compact({"event": "pusher:subscribe", "data": {"auth": auth, "channel": channel}})


class ProtocolCase(SynchronousTestCase):
    """One server of the conformance fixture a test; `serve` makes another with other settings."""

    server: MemoryServer
    late = False
    """Whether backends answer in a later turn."""

    def setUp(self) -> None:
        self.serve()

    def serve(self, **changes: Any) -> MemoryServer:
        """A server whose app differs from the fixture in `changes`."""
        return self.make(apps=[fixture_app(**changes)])

    def make(self, **arguments: Any) -> MemoryServer:
        """A server with any arguments of `MemoryServer`."""
        self.server = MemoryServer(late=self.late, **arguments)
        return self.server

    def client(self, **how: Any) -> MemoryClient:
        """An established connection."""
        return self.server.client(**how)

    def member(self, channel: str, user_id: str, user_info: Any = None) -> MemoryClient:
        """An established connection that is a member of a presence channel, its own messages read."""
        client = self.client()
        frames = client.subscribe(channel, user_id, {} if user_info is None else user_info)
        self.assertIn("subscription_succeeded", frames[0])
        return client

    def subscriber(self, *channels: str) -> MemoryClient:
        """An established connection that is subscribed, its own messages read."""
        client = self.client()
        for channel in channels:
            self.assertEqual(client.subscribe(channel)[:1], [succeeded(channel)])
        return client

    def assertSilent(self, *clients: MemoryClient) -> None:
        """They received nothing and are still connected."""
        for client in clients:
            self.assertEqual((client.take(), client.closed), ([], None))

    def assertUsable(self, *clients: MemoryClient) -> None:
        """They are connected and a ping is answered."""
        for client in clients:
            self.assertTrue(client.answers())
            self.assertIsNone(client.closed)

    def assertClosed(self, client: MemoryClient, code: int, text: str) -> None:
        """The error text came, exactly and alone, and then the Close frame with the same code and text."""
        self.assertEqual(client.take(), [error(code, text)])
        self.assertEqual(client.closed, (code, text))

    def assertRefused(self, frames: list[str], code: int, start: str) -> None:
        """One error with this code and a text that begins so."""
        self.assertEqual(len(frames), 1, frames)
        message = json.loads(frames[0])
        self.assertEqual((message["event"], message["data"]["code"]), ("pusher:error", code))
        self.assertTrue(message["data"]["message"].startswith(start), message)
        self.assertEqual(set(message["data"]), {"code", "message"})
