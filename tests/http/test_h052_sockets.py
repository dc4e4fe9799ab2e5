"""What only a kernel can show: refusals that reach a client that is still sending, connections that stay."""

from __future__ import annotations

import contextlib
import http.client
import socket
import tracemalloc
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.engine.server import Engine
from sockudo_tx.protocol.app import LimitDefaults
from sockudo_tx.testing import RecordingFacts
from sockudo_tx.transports.port import PortFactory, WebSocketSettings
from sockudo_tx.transports.rest.site import RestSettings, rest_site
from sockudo_tx.transports.turn import Turn

from .case import DEMO, signed

EVENT = b'{"name":"n","channels":["c"],"data":"d"}'
LIMIT = 1024 * 1024
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


class SocketTests(TestCase):
    """Cases H-52 and H-90 over the loopback interface."""

    def setUp(self) -> None:
        clock: Any = reactor
        self.now = int(clock.seconds())
        engine = Engine(
            clock=clock,
            apps=MemoryApps([DEMO], LimitDefaults()),
            authority=MemoryAuthority(clock),
            cache=MemoryCache(clock, ttl=60, max_capacity=100, cleanup_interval=60),
            facts=RecordingFacts(),
        )
        turn = Turn(lambda flush: clock.callLater(0, flush))
        site = rest_site(engine, RestSettings(request_limit=LIMIT), turn)
        listening = clock.listenTCP(0, PortFactory(engine, site, WebSocketSettings(), clock), interface="127.0.0.1")
        self.port = listening.getHost().port
        self.addCleanup(self.all_closed)
        self.addCleanup(listening.stopListening)

    async def all_closed(self) -> None:
        """Let the server notice that its clients are gone."""
        clock: Any = reactor
        while any(isinstance(reader, tcp.Server) for reader in clock.getReaders()):
            await deferLater(clock, 0.01)

    def target(self, body: bytes) -> str:
        return signed("POST", "/apps/app-id/events", body=body, at=self.now)

    def aside(self, work: Callable[[], Any]) -> Deferred[Any]:
        """Do this blocking work in a thread while the server runs."""
        return deferToThread(work)

    async def test_H52_announced(self) -> None:
        """Body over `request_limit_in_mb` with and without `Content-Length`: 413, connection closed, memory bounded."""
        body = b"x" * (8 * LIMIT)

        def send() -> tuple[int, str | None, bytes]:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.request("POST", self.target(body), body)
                response = connection.getresponse()
                return response.status, response.headers["Connection"], response.read()

        await self.aside(send)  # imports what it needs, and CPython's table of names may double for it
        tracemalloc.start()
        try:
            status, connection, text = await self.aside(send)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertEqual((status, connection), (413, "close"))
        self.assertIn(b"payload_too_large", text)
        self.assertLess(peak, LIMIT)

    async def test_H52_chunked(self) -> None:
        """The same without a length: the answer comes while the client is sending, and then the end."""

        def send() -> bytes:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                head = f"POST {self.target(b'x')} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                connection.sendall(head.encode())
                for _ in range(4 * LIMIT // 65536):
                    connection.sendall(CHUNK)
                received = b""
                while data := connection.recv(65536):
                    received += data
                return received

        received = await self.aside(send)
        self.assertTrue(received.startswith(b"HTTP/1.1 413 "), received)

    async def test_H90_one_connection(self) -> None:
        """HTTP keep-alive: two signed calls on one connection."""

        def send() -> list[tuple[int, bytes]]:
            answers = []
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.connect()
                opened = connection.sock
                for _ in range(2):
                    connection.request("POST", self.target(EVENT), EVENT)
                    response = connection.getresponse()
                    answers.append((response.status, response.read()))
                self.assertIs(connection.sock, opened)
            return answers

        self.assertEqual(await self.aside(send), [(200, b'{"ok":true}')] * 2)

    async def test_expect_continue(self) -> None:
        """A client that asks first is told to go on, or gets its refusal instead."""

        def send(length: int) -> bytes:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                head = f"POST {self.target(EVENT)} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
                connection.sendall(head.encode())
                received = connection.recv(65536)
                if received.startswith(b"HTTP/1.1 100 "):
                    connection.sendall(EVENT)
                    received += connection.recv(65536)
                return received

        self.assertTrue((await self.aside(lambda: send(len(EVENT)))).endswith(b'{"ok":true}'))
        self.assertTrue((await self.aside(lambda: send(LIMIT + 1))).startswith(b"HTTP/1.1 413 "))
