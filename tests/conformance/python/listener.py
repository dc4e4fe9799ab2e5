"""A pysher client that remembers what it heard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pysher
from scenario import OPTIONS, until

SUBSCRIBED = "pusher_internal:subscription_succeeded"
MEMBERS = ("pusher_internal:member_added", "pusher_internal:member_removed")
EVENTS = ("placed", "batched", "invoice", "end", "client-typing", *MEMBERS)
SignIn = Callable[[str], dict[str, str]]


class Listener:
    """One connection; `heard` holds (channel, event, data) in order of arrival.

    Subscribes where pysher's documentation says: in the connection's own callback. From another thread pysher may
    receive the answer before it knows of the channel, and drops it.
    """

    def __init__(self, *channels: str, name: str | None = None, sign_in: SignIn | None = None) -> None:
        """Returns when the server has accepted everything; `sign_in` makes user data and signature of a socket id."""
        self.heard: list[tuple[str, str, Any]] = []
        self.subscribed: dict[str, Any] = {}
        self.errors: list[Any] = []
        self.established: Any = None
        self.client = pysher.Pusher(
            OPTIONS["key"],
            secret=OPTIONS["secret"],
            custom_host=OPTIONS["host"],
            port=OPTIONS["port"],
            secure=OPTIONS["tls"],
            user_data={"user_id": name, "user_info": {"name": name}} if name else None,
        )
        self._channels = channels
        self._sign_in = sign_in
        connection = self.client.connection
        connection.bind("pusher:connection_established", self._connected)
        connection.bind("pusher:signin_success", self._signed_in)
        connection.bind("pusher:error", self.errors.append)
        self.client.connect()
        expected = len(channels) + (sign_in is not None)
        until(lambda: len(self.subscribed) == expected, f"{expected} subscriptions: {self.subscribed} {self.errors}")

    @property
    def socket_id(self) -> str:
        """The id the server gave this connection."""
        return str(self.client.connection.socket_id)

    def trigger(self, channel: str, event: str, data: Any) -> None:
        """Sends a client event."""
        self.client.channel(channel).trigger(event, data)

    def _connected(self, data: str) -> None:
        self.established = json.loads(data)
        for name in self._channels:
            self._subscribe(name)
        if self._sign_in is not None:
            # pysher has no call for it; its connection sends any frame.
            self.client.connection.send_event("pusher:signin", self._sign_in(self.socket_id))

    def _signed_in(self, data: dict[str, str]) -> None:
        self._subscribe(f"#server-to-user-{json.loads(data['user_data'])['id']}")

    def _subscribe(self, name: str) -> None:
        channel = self.client.subscribe(name)
        channel.bind(SUBSCRIBED, lambda data: self.subscribed.setdefault(name, json.loads(data)))
        for event in EVENTS:
            channel.bind(event, self._remember, name, event)

    def _remember(self, data: Any, channel: str, event: str) -> None:
        self.heard.append((channel, event, json.loads(data) if isinstance(data, str) and data[:1] in '{["' else data))
