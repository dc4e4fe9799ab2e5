"""A Unix socket in the reactor: Twisted's port without what it does to files."""

from __future__ import annotations

import array
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial import unittest

from sockudo_tx.listening.unix_port import UnixPort
from sockudo_tx.transports.addresses import UNIX, peer_address
from sockudo_tx.transports.wire import SocketWire, limit_silence, wire_for

reactor: Any = global_reactor


class Echo(Protocol):
    """Says what it hears."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)  # of no meaning here, and no error
        limit_silence(self.transport, 5.0)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Echoes(Factory):
    """Remembers whom it served."""

    noisy = False

    def __init__(self) -> None:
        self.addresses: list[Any] = []
        self.built: list[Echo] = []

    def buildProtocol(self, addr: Any) -> Echo:
        self.addresses.append(addr)
        self.built.append(Echo())
        return self.built[-1]


class PortTests(unittest.TestCase):
    """One port, with clients in this process"""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "s.sock"
        self.opened = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.opened.close)
        self.opened.bind(str(self.path))
        self.path.chmod(0o600)
        self.opened.listen()
        self.opened.setblocking(False)
        self.factory = Echoes()
        self.port = UnixPort.adopt(self.opened, self.factory, reactor)
        self.stopped = False
        self.addCleanup(self.stop)

    def stop(self) -> Deferred[None] | None:
        if self.stopped:
            return None
        self.stopped = True
        done: Deferred[None] | None = self.port.stopListening()
        return done

    def client(self, bound: bytes | None = None) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        if bound is not None:
            client.bind(bound)
        client.connect(str(self.path))
        client.setblocking(False)
        return client

    async def hear(self, client: socket.socket) -> bytes:
        """What the client is told, once it is told something."""
        for _ in range(1000):
            try:
                return client.recv(100)
            except BlockingIOError:
                await deferLater(reactor, 0)
        raise AssertionError("nothing came")

    async def test_echo(self) -> None:
        """Bytes go both ways; the wire of an outbox sends by itself; the peer has no address."""
        client = self.client()
        client.send(b"hello")
        self.assertEqual(await self.hear(client), b"hello")
        (address,) = self.factory.addresses
        self.assertEqual(peer_address(address), UNIX)
        self.assertIsInstance(wire_for(self.factory.built[0].transport), SocketWire)

    async def test_any_name(self) -> None:
        """A client may be bound to a path, of four letters too, or to an abstract name."""
        short = Path("/tmp/ab")  # with the two before it a name of seven; the one of four is abstract
        self.addCleanup(short.unlink, missing_ok=True)
        for bound in (b"\0abc", b"\0", os.fsencode(short)):
            client = self.client(bound)
            client.send(b"hello")
            self.assertEqual(await self.hear(client), b"hello")

    async def test_descriptors(self) -> None:
        """Files that a client sends along do not stay open in the server."""
        client = self.client()
        client.send(b"1")
        await self.hear(client)
        before = len(os.listdir("/proc/self/fd"))
        reading, writing = os.pipe()
        client.sendmsg([b"2"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [writing]))])
        os.close(writing)
        self.assertEqual(await self.hear(client), b"2")
        self.assertEqual(os.read(reading, 1), b"")  # nobody holds the other end
        os.close(reading)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    async def test_stop(self) -> None:
        """The file stays as it was, and others who hold the socket can go on accepting."""
        await self.stop()  # type: ignore[misc]  # it is there the first time
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.client()
        self.opened.accept()[0].close()
