"""One subscribing client over a raw non-blocking socket: as little as RFC 6455 and Pusher allow."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Callable

__all__ = ["Subscriber", "masked"]

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
# Where every subscriber reads to: a buffer of its own for each `recv` would cost ten times the call.
_SCRATCH = bytearray(262144)
_EVENT = re.compile(rb'"event":\s*"([^"]+)"')
_SENT = re.compile(rb'"data":\s*"(\d{19,20}):')


def masked(opcode: int, payload: bytes) -> bytes:
    """A client frame; the mask is zero, so the payload stays as it is."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((0x80 | opcode,)) + length + bytes(4) + payload


class Subscriber:
    """Connects, upgrades, subscribes to one channel, then calls `delivered(sent)` with each event's send time."""

    __slots__ = ("_buffer", "_channel", "_delivered", "_upgraded", "closed", "socket", "subscribed")

    def __init__(self, address: tuple[str, int], key: str, channel: str, delivered: Callable[[int], None]) -> None:
        self._channel = channel
        self._delivered = delivered
        self._buffer = b""
        self._upgraded = False
        self.subscribed = False
        self.closed: str | None = None
        """Why there will be no more events, None while it is open."""
        self.socket = socket.create_connection(address, timeout=10)
        nonce = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /app/{key}?protocol=7&client=sockudo-bench&version=1 HTTP/1.1\r\n"
            f"Host: {address[0]}:{address[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n"
        )
        self.socket.sendall(request.encode())
        self.socket.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def readable(self) -> None:
        """Reads what there is and acts on every whole frame."""
        try:
            size = self.socket.recv_into(_SCRATCH)
        except BlockingIOError:
            return
        except OSError as error:
            self.closed = str(error)
            return
        if not size:
            self.closed = self.closed or "connection closed by the server"
            return
        data = self._buffer + _SCRATCH[:size]
        if not self._upgraded:
            data = self._upgrade(data)
        self._buffer = self._frames(data) if self._upgraded else data

    def _upgrade(self, data: bytes) -> bytes:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator:
            return data
        if not head.startswith(b"HTTP/1.1 101"):
            self.closed = head.split(b"\r\n")[0].decode("latin-1")
        self._upgraded = True
        return rest

    def _frames(self, data: bytes) -> bytes:
        start, end = 0, len(data)
        while end - start >= 2:
            size, begin = data[start + 1] & 127, start + 2
            if size == 126:
                size, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
            elif size == 127:
                size, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
            if begin + size > end:
                break
            self._frame(data[start] & 15, data[begin : begin + size])
            start = begin + size
        return data[start:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == _TEXT:
            if sent := _SENT.search(payload):
                self._delivered(int(sent[1]))
            else:
                self._protocol_event(payload)
        elif opcode == _PING:
            self.socket.send(masked(_PONG, payload))
        elif opcode == _CLOSE:
            self.closed = f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode('utf-8', 'replace')}"

    def _protocol_event(self, payload: bytes) -> None:
        event = found[1] if (found := _EVENT.search(payload)) else b""
        if event == b"pusher:connection_established":
            text = f'{{"event":"pusher:subscribe","data":{{"channel":"{self._channel}"}}}}'
            self.socket.send(masked(_TEXT, text.encode()))
        elif event == b"pusher_internal:subscription_succeeded":
            self.subscribed = True
        elif event == b"pusher:ping":
            self.socket.send(masked(_TEXT, b'{"event":"pusher:pong","data":{}}'))
        elif event == b"pusher:error":
            self.closed = payload.decode("utf-8", "replace")
