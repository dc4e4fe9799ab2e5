"""Publishes signed events over one keep-alive connection, one at a time, without blocking."""

from __future__ import annotations

import hashlib
import re
import socket
import time

from ..protocol.auth import rest_signature

__all__ = ["Publisher"]

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


class Publisher:
    """At most one request is under way; `idle` says when the next may be sent."""

    def __init__(self, address: tuple[str, int], app_id: str, key: str, secret: str) -> None:
        self._host = f"{address[0]}:{address[1]}"
        self._path = f"/apps/{app_id}/events"
        self._key = key
        self._secret = secret
        self._buffer = b""
        self._asked = 0
        self.idle = True
        self.accepted = 0
        self.refusal: str | None = None
        """The last answer that was not 200."""
        self.refused = 0
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def publish(self, channel: str, size: int) -> None:
        """Sends one event whose data starts with the time in nanoseconds."""
        self._asked = time.perf_counter_ns()
        data = f"{self._asked:019d}:".ljust(size, "x")
        body = f'{{"name":"bench","channel":"{channel}","data":"{data}"}}'.encode()
        parameters = {
            "auth_key": self._key,
            "auth_timestamp": str(int(time.time())),
            "auth_version": "1.0",
            "body_md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
        }
        signature = rest_signature(self._secret, "POST", self._path.encode(), parameters)
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        head = (
            f"POST {self._path}?{query}&auth_signature={signature} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.idle = False
        self.socket.setblocking(True)
        self.socket.sendall(head.encode() + body)
        self.socket.setblocking(False)

    def readable(self) -> float | None:
        """Reads the answer; its seconds since the request when it is complete."""
        try:
            received = self.socket.recv(65536)
        except BlockingIOError:
            return None
        if not received:
            raise ConnectionError("the server closed the publishing connection")
        self._buffer += received
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := _LENGTH.search(head)) else 0
        if not separator or len(rest) < length:
            return None
        self._buffer = rest[length:]
        self.idle = True
        if head.split(b" ", 2)[1] == b"200":
            self.accepted += 1
        else:
            self.refused += 1
            self.refusal = f"{head.splitlines()[0].decode('latin-1')}: {rest[:length].decode('utf-8', 'replace')}"
        return (time.perf_counter_ns() - self._asked) / 1e9
