"""An HTTP server that receives webhooks, well or badly. Threads and blocking sockets, one a connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

Behaviour = Callable[[socket.socket], bool]
"""Answers one request; whether the connection stays open for the next."""


class Request(NamedTuple):
    """What came."""

    connection: int
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Those of one header, whatever its case."""
        return [value for each, value in self.headers if each.lower() == name.lower()]


def answering(status: str, body: bytes = b"", headers: str = "") -> Behaviour:
    """An ordinary answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"

    def answer(peer: socket.socket) -> bool:
        peer.sendall(head.encode() + body)
        return True

    return answer


def saying(data: bytes) -> Behaviour:
    """These bytes, then the end of the connection."""

    def answer(peer: socket.socket) -> bool:
        peer.sendall(data)
        return False

    return answer


def resetting(peer: socket.socket) -> bool:
    """No answer but a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def silent(peer: socket.socket) -> bool:
    """No answer ever; until the other side hangs up."""
    with contextlib.suppress(OSError):
        peer.recv(1)
    return False


def endless(head: bytes, piece: bytes, pause: threading.Event, seconds: float) -> Behaviour:
    """A head, then one piece after another until the other side hangs up or `pause` is set."""

    def answer(peer: socket.socket) -> bool:
        peer.sendall(head)
        while not pause.wait(seconds):
            peer.sendall(piece)
        return False

    return answer


class Receiver:
    """Listens on a free port of loopback until it is closed."""

    def __init__(self, behaviour: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self._behaviour = behaviour
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://localhost:{self.port}/hooks"
        self.requests: list[Request] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hangs up on everybody."""
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def behaviour(self, request: Request) -> Behaviour:
        """How this request is answered."""
        return self._behaviour

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(peer)
            threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True).start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        try:
            if self._context:
                peer = self._context.wrap_socket(peer, server_side=True)
            with peer, peer.makefile("rb") as stream:
                for request in _requests(stream, number):
                    with self._lock:
                        self.requests.append(request)
                    if not self.behaviour(request)(peer):
                        break
        except (OSError, ValueError):
            peer.close()


def _requests(stream: object, number: int) -> Iterator[Request]:
    while line := stream.readline():  # type: ignore[attr-defined]
        headers = []
        for header in iter(stream.readline, b"\r\n"):  # type: ignore[attr-defined]
            name, _, value = header.decode().partition(":")
            headers.append((name, value.strip()))
        size = next(int(value) for name, value in headers if name.lower() == "content-length")
        yield Request(number, line.decode().strip(), headers, stream.read(size))  # type: ignore[attr-defined]
