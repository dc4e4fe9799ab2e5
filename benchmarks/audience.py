"""The other end: many sockets that connect, subscribe if there is something to subscribe to, and swallow."""

from __future__ import annotations

import base64
import os
import selectors
import socket
import time

_UPGRADE = (
    "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n"
)
_SCRATCH = bytearray(262144)
_SUBSCRIBE = b'{"event":"pusher:subscribe","data":{"channel":"bench-0"}}'


class Audience:
    """Connected sockets. `speaks` is what the server expects: `nothing`, `websocket` or `pusher`."""

    def __init__(self, port: int, size: int, speaks: str) -> None:
        self._selector = selectors.DefaultSelector()
        self.sockets: list[socket.socket] = []
        for _ in range(size):
            self._connect(port, speaks)

    def _connect(self, port: int, speaks: str) -> None:
        peer = socket.create_connection(("127.0.0.1", port), timeout=10)
        if speaks != "nothing":
            nonce = base64.b64encode(os.urandom(16)).decode()
            peer.sendall(_UPGRADE.format(port=port, nonce=nonce).encode())
            awaited = b"connection_established" if speaks == "pusher" else b"\r\n\r\n"
            self._await(peer, awaited)
        if speaks == "pusher":
            peer.sendall(bytes((0x81, 0x80 | len(_SUBSCRIBE))) + bytes(4) + _SUBSCRIBE)
            self._await(peer, b"subscription_succeeded")
        peer.setblocking(False)
        self._selector.register(peer, selectors.EVENT_READ)
        self.sockets.append(peer)

    @staticmethod
    def _await(peer: socket.socket, text: bytes) -> None:
        heard = b""
        while text not in heard:
            received = peer.recv(65536)
            if not received:
                raise ConnectionError(f"the subject hung up after {heard!r}")
            heard += received

    def swallow(self, expected: int, patience: float = 20.0) -> int:
        """Reads until so many bytes have come, or nothing more comes; how many came."""
        seen, last = 0, time.monotonic()
        while seen < expected and time.monotonic() - last < patience:
            for key, _ in self._selector.select(0.2):
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                received = peer.recv_into(_SCRATCH)
                if not received:
                    self._selector.unregister(peer)
                    continue
                seen += received
                last = time.monotonic()
        return seen

    def close(self) -> None:
        """Hangs up."""
        self._selector.close()
        for peer in self.sockets:
            peer.close()
