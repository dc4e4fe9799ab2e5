"""A client that knows no rules: sends any bytes, and reads the server's frames as they come."""

from __future__ import annotations

import re
from collections import deque
from typing import Any, NamedTuple

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from sockudo_tx.testing import masked
from sockudo_tx.transports.port import WebSocketSettings

from .echo import EchoEngine, echo_port

reactor: Any = global_reactor

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
PATIENCE = 10.0

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "EchoCase",
    "Frame",
    "Peer",
    "connect_to",
    "pause",
    "reactor",
    "request",
]


class Frame(NamedTuple):
    """A frame of the server: the first byte, and the payload."""

    first: int
    payload: bytes

    @property
    def code(self) -> int | None:
        """A Close frame's code; None without one, -1 for any other frame."""
        if self.first != 0x80 | CLOSE:
            return -1
        return int.from_bytes(self.payload[:2], "big") if self.payload else None


class Peer(Protocol):
    """One connection. `take` waits for the next frame, and is None at the end of the connection."""

    def __init__(self) -> None:
        self.answer = b""
        self.lost: Failure | None = None
        self._data = b""
        self._frames: deque[Frame] = deque()
        self._waiting: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        while not self.answer.startswith(b"HTTP/1.1 101 "):
            head, end, rest = self._data.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
            body = int(length[1]) if length else 0
            if not end or len(rest) < body:
                return
            self.answer, self._data = head, rest[body:]
            self._wake()
        while (frame := self._cut()) is not None:
            self._frames.append(frame)
            self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason
        self._wake()

    def _cut(self) -> Frame | None:
        data = self._data
        if len(data) < 2:
            return None
        length, head = data[1], 2
        if length >= 126:
            head = 4 if length == 126 else 10
            length = int.from_bytes(data[2:head], "big")
        if len(data) < head + length:
            return None
        self._data = data[head + length :]
        return Frame(data[0], data[head : head + length])

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def _change(self) -> None:
        self._waiting = Deferred()
        await self._waiting.addTimeout(PATIENCE, reactor)

    async def upgraded(self) -> bytes:
        """The head of the server's 101, once it has come; answers to requests before it are skipped."""
        while not self.answer.startswith(b"HTTP/1.1 101 ") and self.lost is None:
            await self._change()
        return self.answer

    async def take(self) -> Frame | None:
        """The next frame; None at the end of the connection."""
        while not self._frames:
            if self.lost is not None:
                return None
            await self._change()
        return self._frames.popleft()

    async def rest(self) -> list[Frame]:
        """All frames up to the end of the connection."""
        found = []
        while (frame := await self.take()) is not None:
            found.append(frame)
        return found

    def raw(self, data: bytes) -> None:
        """Send bytes."""
        assert self.transport is not None
        self.transport.write(data)

    def send(self, opcode: int, payload: bytes = b"", fin: bool = True) -> None:
        """Send one masked frame, legal or not."""
        self.raw(masked(opcode, payload, fin))

    def close(self, code: int | None = 1000, reason: bytes = b"") -> None:
        """Send a Close frame."""
        self.send(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


class EchoCase(TestCase):
    """An echo on a loopback port, and clients that are disconnected when the test is over."""

    settings = WebSocketSettings()

    def setUp(self) -> None:
        self.peers: list[Peer] = []
        self.listen(self.settings)

    def listen(self, settings: WebSocketSettings) -> None:
        """Open a port with these settings; later connections go there."""
        self.factory = echo_port(reactor, settings)
        port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(port.stopListening)
        self.addCleanup(self._finish)

    @property
    def engine(self) -> EchoEngine:
        engine: Any = self.factory.websockets.engine
        return engine

    async def _finish(self) -> None:
        peers, self.peers = self.peers, []
        for peer in peers:
            if peer.lost is None:
                transport: Any = peer.transport
                transport.abortConnection()
        for peer in peers:
            await peer.rest()
        for _ in range(1000):
            await pause(0)
            if not self.engine.sinks:
                return
        self.fail(f"{len(self.engine.sinks)} connections are still there")

    async def connect(self, *headers: str, path: str = "/app/echo", rest: bytes = b"") -> Peer:
        """A client whose upgrade has been answered; `rest` goes out with the request."""
        peer = await connect_to(self, TCP4ClientEndpoint(reactor, "127.0.0.1", self.port))
        peer.raw(request(*headers, path=path) + rest)
        await peer.upgraded()
        return peer


async def connect_to(case: EchoCase, endpoint: IStreamClientEndpoint) -> Peer:
    """A connection on which nothing has been sent."""
    peer = Peer()
    await connectProtocol(endpoint, peer)
    case.peers.append(peer)
    return peer


def request(*headers: str, path: str = "/app/echo") -> bytes:
    """An upgrade request."""
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
        "",
        "",
    )
    return "\r\n".join(lines).encode()


async def pause(seconds: float) -> None:
    """Let the reactor run."""
    done: Deferred[None] = Deferred()
    reactor.callLater(seconds, done.callback, None)
    await done
