"""Clients whose comings, goings and events webhooks tell of, and what each of them saw confirmed, and when."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from typing import Any, NamedTuple

from tests.integration.launch import WebSocket

__all__ = ["Fact", "Seen", "Visitors", "fact_of"]

Fact = tuple[str, str, str]
"""Type of the event, channel, and the user or the data of it."""


class Seen(NamedTuple):
    """A fact, when its cause was sent, and when an answer of the server proved that it has happened."""

    fact: Fact
    began: float
    confirmed: float


def fact_of(event: dict[str, Any]) -> Fact:
    """Which fact an event of a webhook tells."""
    return event["name"], event["channel"], event.get("data") or event.get("user_id") or ""


class Visitors:
    """Threads that visit channels of their own, over and over until the server is gone. Each fact is there once."""

    def __init__(self, port: int, secret: str, name: str, number: int = 3) -> None:
        self.seen: list[Seen] = []
        self._port = port
        self._secret = secret.encode()
        self._threads = [
            threading.Thread(target=self._visit, args=(f"{name}-{index}",), daemon=True) for index in range(number)
        ]
        for each in self._threads:
            each.start()

    def join(self) -> None:
        """Returns when all have noticed."""
        for each in self._threads:
            each.join(20)
            assert not each.is_alive(), "a client does not notice that the server is gone"

    def _visit(self, name: str) -> None:
        number = 0
        try:
            while True:
                number += 1
                self._once(f"{name}-{number}", abrupt=number % 4 == 0)
        except (OSError, struct.error, AssertionError):
            return  # killed

    def _once(self, token: str, *, abrupt: bool) -> None:
        with (
            socket.create_connection(("127.0.0.1", self._port), timeout=20) as connection,
            contextlib.closing(WebSocket(self._port, connected=connection)) as client,
        ):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stay(client, token, abrupt=abrupt)

    def _stay(self, client: WebSocket, token: str, *, abrupt: bool) -> None:
        socket_id = json.loads(client.event()["data"])["socket_id"]
        room, cache, presence = f"room-{token}", f"cache-{token}", f"presence-{token}"
        member = json.dumps({"user_id": token})
        auth = hmac.new(self._secret, f"{socket_id}:{presence}:{member}".encode(), hashlib.sha256).hexdigest()

        self._do(client, "subscribe", {"channel": room}, ("channel_occupied", room, ""))
        self._do(client, "subscribe", {"channel": cache}, ("channel_occupied", cache, ""), ("cache_miss", cache, ""))
        self._do(
            client,
            "subscribe",
            {"channel": presence, "auth": f"app-key:{auth}", "channel_data": member},
            ("channel_occupied", presence, ""),
            ("member_added", presence, token),
        )
        began = time.monotonic()
        client.send({"event": "client-said", "channel": presence, "data": token})
        self._confirm(client, began, ("client_event", presence, token))
        self._do(client, "unsubscribe", {"channel": room}, ("channel_vacated", room, ""))
        if not abrupt:
            gone = ("member_removed", presence, token), ("channel_vacated", presence, "")
            self._do(client, "unsubscribe", {"channel": presence}, *gone)
            self._do(client, "unsubscribe", {"channel": cache}, ("channel_vacated", cache, ""))

    def _do(self, client: WebSocket, what: str, data: dict[str, str], *facts: Fact) -> None:
        began = time.monotonic()
        client.send({"event": f"pusher:{what}", "data": data})
        self._confirm(client, began, *facts)

    def _confirm(self, client: WebSocket, began: float, *facts: Fact) -> None:
        """The server answers in the order in which it was asked."""
        client.send({"event": "pusher:ping", "data": {}})
        while client.event()["event"] != "pusher:pong":
            pass
        confirmed = time.monotonic()
        self.seen += [Seen(fact, began, confirmed) for fact in facts]
