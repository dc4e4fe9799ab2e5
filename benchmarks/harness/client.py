"""As much of a Pusher client and of an application's backend as a load generator needs; blocking sockets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

__all__ = [
    "APP_ID",
    "KEY",
    "SECRET",
    "Speaks",
    "Talker",
    "Wish",
    "connect_wave",
    "masked",
    "post",
    "read_answer",
    "upgrade",
]

APP_ID, KEY, SECRET = "app-id", "app-key", "app-secret"

Speaks = Literal["pusher", "websocket"]
"""What a server expects of a client: to subscribe, or nothing beyond the handshake."""

Wish = Callable[[int], dict[str, Any]]
"""Further members of the subscription of a client by its number."""

_NONCE = base64.b64encode(b"sixteen bytes 16").decode()
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


def upgrade(port: int) -> bytes:
    """The opening handshake as a browser's library sends it."""
    return (
        f"GET /app/{KEY}?protocol=7&client=js&version=8.4.0&flash=false HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\n"
        "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
        f"Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{port}\r\nSec-WebSocket-Key: {_NONCE}\r\n"
        "Connection: keep-alive, Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n"
    ).encode()


def masked(text: bytes) -> bytes:
    """A client's text frame, with a mask that is not zero."""
    mask = b"\x37\xfa\x21\x3d"
    size = len(text)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    pattern = (mask * (size // 4 + 1))[:size]
    payload = (int.from_bytes(text, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")
    return b"\x81" + length + mask + payload


def await_text(peer: socket.socket, text: bytes, heard: bytes = b"") -> bytes:
    """Reads until `text` has come; all that was read."""
    while text not in heard:
        received = peer.recv(65536)
        if not received:
            raise ConnectionError(f"the server hung up after {heard!r}")
        heard += received
    return heard


def nothing(number: int) -> dict[str, Any]:
    """The wish of a plain client."""
    return {}


def connect_wave(
    port: int,
    count: int,
    speaks: Speaks,
    channel: str,
    context: ssl.SSLContext | None = None,
    *,
    wish: Wish = nothing,
    first: int = 0,
) -> list[socket.socket]:
    """So many clients at once, connected and (in Pusher's protocol) subscribed; nothing is left to read. `first` is the
    number of the first of them. Those who wish deltas have to get them."""
    peers = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(count)]
    if context is not None:
        peers = [context.wrap_socket(peer) for peer in peers]
    request = upgrade(port)
    for peer in peers:
        peer.sendall(request)
    for peer in peers:
        await_text(peer, b"connection_established" if speaks == "pusher" else b"\r\n\r\n")
    if speaks == "pusher":
        wishes = [wish(first + number) for number in range(count)]
        for peer, wished in zip(peers, wishes, strict=True):
            data = {"channel": channel, **wished}
            peer.sendall(masked(json.dumps({"event": "pusher:subscribe", "data": data}).encode()))
        for peer, wished in zip(peers, wishes, strict=True):
            await_text(peer, b'"pusher:delta_compression_enabled"' if "delta" in wished else b"subscription_succeeded")
    return peers


class Talker:
    """One client, frame by frame."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(upgrade(port))
        head, _, self._heard = await_text(self.socket, b"\r\n\r\n").partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head.decode("latin-1"))

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()

    def sizes(self, count: int) -> int:
        """The bytes of so many frames, headers included, as they come next."""
        sizes = [len(self.read()) for _ in range(count)]
        return sum(size + (2 if size < 126 else 4 if size < 65536 else 10) for size in sizes)

    def read(self) -> bytes:
        """The next frame's payload."""
        while (found := self._frame()) is None:
            received = self.socket.recv(65536)
            if not received:
                raise ConnectionError("the server hung up")
            self._heard += received
        return found

    def _frame(self) -> bytes | None:
        data = self._heard
        if len(data) < 2:
            return None
        size, begin = data[1] & 127, 2
        if size == 126:
            size, begin = int.from_bytes(data[2:4], "big"), 4
        if len(data) < begin + size:
            return None
        self._heard = data[begin + size :]
        return data[begin : begin + size]

    def event(self, name: str) -> dict[str, Any]:
        """The next event of this name; others are passed over."""
        while True:
            found: dict[str, Any] = json.loads(self.read())
            if found["event"] == name:
                return found

    def subscribe(self, channel: str, **wished: Any) -> None:
        """Establishes the connection and enters the channel, signed where it has to be, with these further wishes."""
        established = json.loads(self.event("pusher:connection_established")["data"])
        data = {"channel": channel, **wished}
        if channel.startswith(("private-", "presence-")):
            more = f":{wished['channel_data']}" if "channel_data" in wished else ""
            text = f"{established['socket_id']}:{channel}{more}"
            data["auth"] = f"{KEY}:{hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()}"
        self.say({"event": "pusher:subscribe", "data": data})
        self.event("pusher_internal:subscription_succeeded")
        if "delta" in wished:
            self.event("pusher:delta_compression_enabled")

    def say(self, message: dict[str, Any]) -> None:
        """Sends one message."""
        self.socket.sendall(masked(json.dumps(message).encode()))


def post(port: int, path: str, body: bytes) -> bytes:
    """A signed request as the official server libraries send it."""
    target = f"/apps/{APP_ID}{path}"
    query = (
        f"auth_key={KEY}&auth_timestamp={int(time.time())}&auth_version=1.0"
        f"&body_md5={hashlib.md5(body, usedforsecurity=False).hexdigest()}"
    )
    signature = hmac.new(SECRET.encode(), f"POST\n{target}\n{query}".encode(), hashlib.sha256).hexdigest()
    return (
        f"POST {target}?{query}&auth_signature={signature} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "User-Agent: pusher-http-python/3.3.3\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
        "Connection: keep-alive\r\nX-Pusher-Library: pusher-http-python 3.3.3\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def events(channel: str, data: Sequence[str]) -> bytes:
    """The body of one event, or of a batch where there are several."""
    if len(data) == 1:
        return json.dumps({"name": "bench", "channels": [channel], "data": data[0]}).encode()
    return json.dumps({"batch": [{"name": "bench", "channel": channel, "data": each} for each in data]}).encode()


def read_answer(peer: socket.socket) -> bytes:
    """The body of the next answer on a keep-alive connection. Raises `ConnectionError` unless it is a 200."""
    heard = await_text(peer, b"\r\n\r\n")
    head, _, body = heard.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    size = int(found[1]) if found else 0
    while len(body) < size:
        received = peer.recv(65536)
        if not received:
            raise ConnectionError(f"the server hung up after {len(body)} of {size} bytes of an answer")
        body += received
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError((head.split(b"\r\n")[0] + b": " + body).decode("utf-8", "replace"))
    return body
