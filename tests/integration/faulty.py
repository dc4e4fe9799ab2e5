"""A small server of Pusher's kind with faults to order, to prove that the load generator finds them.

Threads and blocking sockets; unlike ours in everything a client may not rely on: its messages have spaces and `data` as
objects, its HTTP answers are chunked, its frames come in fragments of TCP.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import threading
import zlib
from collections.abc import Callable

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# What becomes of each event for each subscriber: the payloads to send now, given the one before that was kept back.
Fault = Callable[[int, bytes], list[bytes]]


def none(number: int, payload: bytes) -> list[bytes]:
    """No fault."""
    return [payload]


def losing(number: int, payload: bytes) -> list[bytes]:
    """Every fifth event is lost."""
    return [] if number % 5 == 4 else [payload]


def doubling(number: int, payload: bytes) -> list[bytes]:
    """Every fifth event comes twice."""
    return [payload, payload] if number % 5 == 4 else [payload]


class Reordering:
    """Every fifth event comes after the next one."""

    def __init__(self) -> None:
        self._kept: bytes | None = None

    def __call__(self, number: int, payload: bytes) -> list[bytes]:
        if number % 5 == 3:
            self._kept = payload
            return []
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return [payload, kept]
        return [payload]


class FaultyServer:
    """Listens on a free port until it is closed. Each subscriber's events go through the fault."""

    def __init__(self, fault: Fault = none, *, takeover: bool = True, refuse: int = 0) -> None:
        self._fault = fault
        self._takeover = takeover
        self._refuse = refuse
        """Every so-many-th request is refused; 0 for none."""
        self._requests = 0
        self._lock = threading.Lock()
        self._subscribers: dict[str, list[Subscriber]] = {}
        self.events: dict[str, int] = {}
        """The number of the last event of each channel."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hangs up on everybody."""
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):  # closed already
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(peer)
            with peer, peer.makefile("rb") as stream:
                while line := stream.readline():
                    headers = {}
                    for header in iter(stream.readline, b"\r\n"):
                        name, _, value = header.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    if line.startswith(b"POST"):
                        body = stream.read(int(headers["content-length"]))
                        peer.sendall(self._publish(line, json.loads(body)))
                    elif "sec-websocket-key" not in headers:
                        peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    else:
                        Subscriber(peer, headers, self._takeover).converse(stream, self._join)
                        return
        except (OSError, ValueError):
            return

    def _publish(self, line: bytes, body: dict[str, object]) -> bytes:
        with self._lock:
            self._requests += 1
            if self._refuse and self._requests % self._refuse == 0:
                return b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
            batch = body.get("batch", [body])
            assert isinstance(batch, list)
            for event in batch:
                for channel in event.get("channels") or [event["channel"]]:
                    number = self.events[channel] = self.events.get(channel, -1) + 1
                    message = {"channel": channel, "event": event["name"], "data": event["data"]}
                    for payload in self._fault(number, json.dumps(message).encode()):
                        for subscriber in self._subscribers.get(channel, ()):
                            self._deliver(subscriber, channel, number, payload)
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"

    def _deliver(self, subscriber: Subscriber, channel: str, number: int, payload: bytes) -> None:
        subscriber.send(payload)

    def _join(self, data: dict[str, object], subscriber: Subscriber) -> None:
        channel = str(data["channel"])
        with self._lock:
            subscriber.asked[channel] = data
            self._subscribers.setdefault(channel, []).append(subscriber)
            subscriber.tell("pusher_internal:subscription_succeeded", channel=channel, data={})


class Subscriber:
    """A WebSocket that is subscribed to what it asks for; its frames leave in two pieces."""

    def __init__(self, peer: socket.socket, headers: dict[str, str], takeover: bool) -> None:
        self._peer = peer
        self.asked: dict[str, dict[str, object]] = {}
        """By channel, the data of its subscription."""
        self._takeover = takeover
        self._deflate = "permessage-deflate" in headers.get("sec-websocket-extensions", "")
        self._deflater = zlib.compressobj(wbits=-15)
        proof = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + _GUID).encode()).digest()).decode()
        extension = "permessage-deflate" + ("" if takeover else "; server_no_context_takeover")
        peer.sendall(
            f"HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {proof}\r\n"
            f"{f'sec-websocket-extensions: {extension}' if self._deflate else 'x-none: 1'}\r\n\r\n".encode()
        )

    def converse(self, stream: object, join: Callable[[dict[str, object], Subscriber], None]) -> None:
        """Until it hangs up."""
        self.tell("pusher:connection_established", data={"socket_id": "1.1", "activity_timeout": 120})
        self.tell("pusher:ping")
        while True:
            first, second = stream.read(2)  # type: ignore[attr-defined]
            size = second & 127
            if size == 126:
                size = int.from_bytes(stream.read(2), "big")  # type: ignore[attr-defined]
            mask = stream.read(4)  # type: ignore[attr-defined]
            payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(stream.read(size)))  # type: ignore[attr-defined]
            if first & 15 == 8:
                return
            message = json.loads(payload)
            if message["event"] == "pusher:subscribe":
                join(message["data"], self)

    def tell(self, event: str, **more: object) -> None:
        """A protocol message."""
        self.send(json.dumps({"event": event, **more}).encode())

    def send(self, payload: bytes) -> None:
        """One message."""
        first = 0x81
        if self._deflate:
            if not self._takeover:
                self._deflater = zlib.compressobj(wbits=-15)
            payload = (self._deflater.compress(payload) + self._deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
            first = 0xC1
        size = len(payload)
        head = bytes((first, size)) if size < 126 else bytes((first, 126)) + size.to_bytes(2, "big")
        try:
            self._peer.sendall(head + payload[:7])
            self._peer.sendall(payload[7:])
        except OSError:
            return
