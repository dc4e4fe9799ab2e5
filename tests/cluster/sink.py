"""Where the webhooks of a fleet go: a real HTTP receiver on the pump."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import Any, NamedTuple

from .link import Link
from .pump import Pump

__all__ = ["Sink", "Webhook"]


class Webhook(NamedTuple):
    """One event of a webhook."""

    at: float
    key: str
    time_ms: int
    event: dict[str, Any]

    @property
    def name(self) -> str:
        """Its type."""
        name: str = self.event["name"]
        return name

    @property
    def channel(self) -> str:
        """Whose."""
        channel: str = self.event["channel"]
        return channel


class Sink:
    """Takes all, and keeps them in the order in which they came. A job that is delivered again counts once."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self._callers: list[_Caller] = []
        self._jobs: set[str] = set()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hooks"
        self.webhooks: list[Webhook] = []
        pump.watch(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Hangs up on everybody."""
        for each in self._callers:
            each.hang_up()
        self._pump.forget(self._listener.fileno())
        self._listener.close()

    def of(self, name: str, channel: str, user: str | None = None) -> list[Webhook]:
        """The events of that type for a channel, and for a user where there is one."""
        return [
            each
            for each in self.webhooks
            if each.name == name and each.channel == channel and user in (None, each.event.get("user_id"))
        ]

    def story(self, channel: str) -> list[str]:
        """The types of all events of a channel but its counts, in their order."""
        return [each.name for each in self.webhooks if each.channel == channel and each.name != "subscription_count"]

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """One request."""
        job = headers.get("x-sockudo-delivery", "")
        if job in self._jobs:
            return
        self._jobs.add(job)
        told, now = json.loads(body), time.monotonic()
        self.webhooks += [Webhook(now, headers["x-pusher-key"], told["time_ms"], event) for event in told["events"]]

    def _accept(self, mask: int) -> None:
        if mask & select.EPOLLIN:
            self._callers.append(_Caller(self._pump, self._listener.accept()[0], self))


class _Caller(Link):
    """A connection of a node's."""

    def __init__(self, pump: Pump, connected: socket.socket, sink: Sink) -> None:
        super().__init__(pump, connected)
        self._sink = sink
        self._buffer = b""

    def received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            pairs = (line.partition(":") for line in head.decode().split("\r\n")[1:])
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            size = int(headers["content-length"])
            if len(rest) < size:
                return
            self._buffer = rest[size:]
            self._sink.take(headers, rest[:size])
            self.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
