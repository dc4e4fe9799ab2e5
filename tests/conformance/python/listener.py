"""A pysher client that remembers what it heard."""

from __future__ import annotations

import json
from typing import Any

import pysher
from scenario import OPTIONS, until

SUBSCRIBED = "pusher_internal:subscription_succeeded"
INTERNAL = (SUBSCRIBED, "pusher_internal:member_added", "pusher_internal:member_removed")
EVENTS = ("placed", "batched", "invoice", "end", "client-typing", *INTERNAL[1:])


class Listener:
    """One connection; `heard` holds (channel, event, data) in order of arrival."""

    def __init__(self, name: str | None = None) -> None:
        self.heard: list[tuple[str, str, Any]] = []
        self.subscribed: dict[str, Any] = {}
        self.errors: list[Any] = []
        self.established: list[Any] = []
        self.client = pysher.Pusher(
            OPTIONS["key"],
            secret=OPTIONS["secret"],
            custom_host=OPTIONS["host"],
            port=OPTIONS["port"],
            secure=OPTIONS["tls"],
            user_data={"user_id": name, "user_info": {"name": name}} if name else None,
        )
        self.client.connection.bind("pusher:connection_established", self.established.append)
        self.client.connection.bind("pusher:error", self.errors.append)
        self.client.connect()
        until(lambda: self.established, "the connection")

    @property
    def socket_id(self) -> str:
        """The id the server gave this connection."""
        return str(self.client.connection.socket_id)

    def subscribe(self, name: str) -> Any:
        """Subscribes, waits for the server's answer, and remembers every event of the channel."""
        channel = self.client.subscribe(name)
        for event in EVENTS:
            channel.bind(event, self._remember, name, event)
        channel.bind(SUBSCRIBED, lambda data: self.subscribed.setdefault(name, json.loads(data)))
        until(lambda: name in self.subscribed, f"the subscription to {name}")
        return channel

    def signin(self, user: dict[str, str]) -> None:
        """Signs in; pysher has no call for it, so the frame is sent through its connection."""
        done: list[Any] = []
        self.client.connection.bind("pusher:signin_success", done.append)
        self.client.connection.send_event("pusher:signin", user)
        until(lambda: done, "the sign-in")
        channel = self.client.subscribe(f"#server-to-user-{json.loads(user['user_data'])['id']}")
        channel.bind("invoice", self._remember, channel.name, "invoice")

    def _remember(self, data: Any, channel: str, event: str) -> None:
        self.heard.append((channel, event, json.loads(data) if isinstance(data, str) and data[:1] in '{["' else data))
