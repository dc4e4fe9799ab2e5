"""A Pusher client in memory: says exactly what a test tells it to, and remembers exactly what it hears.

It does nothing of its own accord except answer a Close frame, as RFC 6455 demands: it never answers
`pusher:ping` and never answers a native Ping, because silence is what many tests are about.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, Protocol

from wsproto.connection import CLIENT, Connection
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from ..protocol.app import App
from .http import HttpReader
from .signing import channel_auth, user_auth
from .wire import MemoryWire

__all__ = ["AUTO", "MemoryClient"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

AUTO: Any = object()
"""Sign for me."""


def dumps(value: Any) -> str:
    """Compact JSON, the way the wire spells it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Reachable(Protocol):
    """What a client needs of its server."""

    def open(self, reader: Callable[[bytes], None], ended: Callable[[], None]) -> MemoryWire:
        """A connection to the server's port."""

    def pump(self) -> None:
        """Let the server do everything that is due."""


class MemoryClient:
    """One connection, opened by the constructor with a real HTTP upgrade.

    `status` and `headers` are the answer to the upgrade, `body` what came with a refusal. `closed` is None
    while the connection is open, then code and reason of the server's Close frame, or (1006, "") when
    there was none. `pings` and `pongs` hold the payloads of native frames received.
    """

    def __init__(
        self,
        server: Reachable,
        app: App | None,
        target: str,
        origin: str | None = None,
        protocols: Iterable[str] = (),
        headers: Mapping[str, str | None] | None = None,
        open_wire: Callable[[Callable[[bytes], None], Callable[[], None]], MemoryWire] | None = None,
    ) -> None:
        self.app = app
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.closed: tuple[int, str] | None = None
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.answers_close = True
        self._server = server
        self._socket_id: str | None = None
        self._heard = 0
        self._frames: list[str] = []
        self._partial = ""
        self._frame_parser: Connection | None = None
        self._http = HttpReader("GET", target, self._upgrade_headers(origin, protocols, headers))
        self.wire = (open_wire or server.open)(self._receive, self._ended)
        self.write(self._http.output)

    @staticmethod
    def _upgrade_headers(
        origin: str | None, protocols: Iterable[str], changes: Mapping[str, str | None] | None
    ) -> list[tuple[str, str]]:
        offered = ", ".join(protocols)
        headers: dict[str, str | None] = {
            "Host": "localhost:6001",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": offered or None,
            "Origin": origin,
            **(changes or {}),
        }
        return [(name, value) for name, value in headers.items() if value is not None]

    # What was heard.

    @property
    def established(self) -> str:
        """The socket id. Fails unless the connection's first message was `pusher:connection_established`."""
        self._server.pump()
        if self._socket_id is None:
            raise AssertionError(f"not established: {self.status} {self.body!r} {self._frames} {self.closed}")
        return self._socket_id

    def take(self) -> list[str]:
        """The exact texts received since the last `take`."""
        self._server.pump()
        frames, self._frames = self._frames, []
        return frames

    def json(self) -> list[Any]:
        """`take`, each text as a JSON value."""
        return [json.loads(text) for text in self.take()]

    def answers(self) -> bool:
        """Whether a `pusher:ping` gets its pong and nothing else."""
        return self.send({"event": "pusher:ping", "data": {}}).take() == ['{"event":"pusher:pong"}']

    # What is said.

    def send(self, message: Any) -> MemoryClient:
        """Send one message: a text as it is, bytes as a binary frame, anything else as compact JSON."""
        if isinstance(message, bytes):
            return self.frame(BINARY, message)
        return self.frame(TEXT, (message if isinstance(message, str) else dumps(message)).encode())

    def frame(self, opcode: int, payload: bytes, fin: bool = True) -> MemoryClient:
        """Send one masked frame of any kind, legal or not."""
        return self.write(masked(opcode, payload, fin))

    def write(self, data: bytes) -> MemoryClient:
        """Send raw bytes."""
        self.wire.feed(data)
        self._server.pump()
        return self

    def ping(self, payload: bytes = b"") -> MemoryClient:
        """Send a native Ping frame."""
        return self.frame(PING, payload)

    def close(self, code: int = 1000, reason: str = "") -> MemoryClient:
        """Send a Close frame."""
        return self.frame(CLOSE, struct.pack("!H", code) + reason.encode())

    def cut(self, clean: bool = False) -> None:
        """Lose the TCP connection without a Close frame."""
        self.wire.cut(clean)
        self._server.pump()

    def subscribe(
        self,
        channel: str,
        user_id: Any = None,
        user_info: Any = AUTO,
        *,
        channel_data: str | None = None,
        auth: Any = AUTO,
        **more: Any,
    ) -> list[str]:
        """Subscribe and `take` what comes of it.

        `user_id` and `user_info` build the `channel_data` of a presence channel unless it is given. `auth` is
        signed for the channel's kind; None leaves it out. `more` are further members of `data`.
        """
        if channel_data is None and user_id is not None:
            info = {} if user_info is AUTO else {"user_info": user_info}
            channel_data = dumps({"user_id": user_id, **info})
        data: dict[str, Any] = {"channel": channel, **more}
        if channel_data is not None:
            data["channel_data"] = channel_data
        if auth is AUTO:
            auth = self.auth(channel, channel_data) if channel.startswith(("private-", "presence-")) else ""
        if auth is not None:
            data["auth"] = auth
        return self.send({"event": "pusher:subscribe", "data": data}).take()

    def unsubscribe(self, channel: str) -> list[str]:
        """Unsubscribe and `take` what comes of it."""
        return self.send({"event": "pusher:unsubscribe", "data": {"channel": channel}}).take()

    def signin(self, user_id: str, *, auth: Any = AUTO, user_data: str | None = None, **more: Any) -> list[str]:
        """Sign in and `take` what comes of it; `more` are members of user_data such as `watchlist`."""
        user_data = dumps({"id": user_id, **more}) if user_data is None else user_data
        signed = user_auth(self._app(), self.established, user_data) if auth is AUTO else auth
        return self.send({"event": "pusher:signin", "data": {"auth": signed, "user_data": user_data}}).take()

    def auth(self, channel: str, channel_data: str | None = None) -> str:
        """The `auth` for this socket; `channel_data` is signed on presence channels only."""
        signed = channel_data if channel.startswith("presence-") else None
        return channel_auth(self._app(), self.established, channel, signed)

    def _app(self) -> App:
        if self.app is None:
            raise AssertionError("this client connected with a key that belongs to no app")
        return self.app

    # The wire.

    def _receive(self, data: bytes) -> None:
        if self._frame_parser is None:
            self._http.receive(data)
            if self._http.response is None:
                return
            self.status, self.headers, self.body = self._http.response
            if not self._http.upgraded:
                return
            self._frame_parser, data = Connection(CLIENT), self._http.rest
        if self.closed is not None:
            self._server_fault(f"sent {data!r} after its Close frame")
        self._frame_parser.receive_data(data)
        for event in self._frame_parser.events():
            self._hear(event)

    def _hear(self, event: object) -> None:
        if isinstance(event, TextMessage):
            self._partial += event.data
            if event.message_finished:
                text, self._partial = self._partial, ""
                self._frames.append(text)
                self._first(text)
        elif isinstance(event, BytesMessage):
            self._server_fault(f"sent a binary frame: {event.data!r}")
        elif isinstance(event, Ping):
            self.pings.append(bytes(event.payload))
        elif isinstance(event, Pong):
            self.pongs.append(bytes(event.payload))
        elif isinstance(event, CloseConnection):
            self.closed = (int(event.code), event.reason or "")
            if self.answers_close:
                self.wire.feed(masked(CLOSE, struct.pack("!H", event.code) if event.code != 1005 else b""))

    def _server_fault(self, what: str) -> NoReturn:
        raise AssertionError(f"the server {what}")

    def _first(self, text: str) -> None:
        self._heard += 1
        if self._heard == 1 and text.startswith('{"event":"pusher:connection_established"'):
            self._socket_id = json.loads(json.loads(text)["data"])["socket_id"]

    def _ended(self) -> None:
        if self._http.response is None:
            self._http.receive(b"")
        self.closed = self.closed or (1006, "")


def masked(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """One client-to-server frame (RFC 6455, 5.2)."""
    size = len(payload)
    first = opcode | (0x80 if fin else 0)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    mask = os.urandom(4)
    stream = (mask * (size // 4 + 1))[:size]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
    return head + mask + body
