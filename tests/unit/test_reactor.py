"""The reactor's readers: what is watched, and what happens when one breaks."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.reactor import _AsyncioReactor


class Reader:
    """Reads from a descriptor, in its own way."""

    def __init__(self, fd: int, read: Callable[[], object], lost: Callable[[Failure], None]) -> None:
        self.fileno = lambda: fd
        self.doRead = read
        self.readConnectionLost = self.connectionLost = lost
        self.disconnected = False

    def logPrefix(self) -> str:
        return "reader"


class ReaderTests(SynchronousTestCase):
    """`addReader`"""

    def setUp(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)
        self.reactor = _AsyncioReactor(self.loop)
        self.addCleanup(self.reactor.removeAll)
        self.read: list[str] = []

    def turn(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))

    def readable(self) -> socket.socket:
        """A socket with something to read."""
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        there.send(b"x")
        return here

    def note(self, source: socket.socket) -> None:
        self.read.append(source.recv(10).decode())

    def test_once(self) -> None:
        """A reader is called once a turn, however often it was added, and no more once it is removed."""
        source = self.readable()
        reader: Any = Reader(source.fileno(), lambda: self.note(source), lambda reason: None)
        self.reactor.addReader(reader)
        self.reactor.addReader(reader)
        self.turn()
        self.assertEqual(self.read, ["x"])
        self.reactor.removeReader(reader)
        self.turn()
        self.assertEqual((self.read, reader in self.reactor.getReaders()), (["x"], False))

    def test_broken(self) -> None:
        """A reader that fails is disconnected and told of in the log, even when it fails at that, too; others go on."""

        def fail(*_: object) -> None:
            raise ValueError("broken")

        source = self.readable()
        broken: Any = Reader(self.readable().fileno(), fail, fail)
        sound: Any = Reader(source.fileno(), lambda: self.note(source), lambda reason: None)
        self.reactor.addReader(broken)
        self.reactor.addReader(sound)
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)
        self.assertNotIn(broken, self.reactor.getReaders())
        self.assertEqual(self.read, ["x"])

    def test_lost(self) -> None:
        """A reader that reports its end is disconnected with the reason."""
        reasons: list[Failure] = []
        reader: Any = Reader(self.readable().fileno(), ConnectionDone, reasons.append)
        self.reactor.addReader(reader)
        self.turn()
        self.assertEqual([reason.check(ConnectionDone) for reason in reasons], [ConnectionDone])

    def test_file(self) -> None:
        """A file, which no loop can watch, is read all the same."""
        with tempfile.TemporaryFile() as file:
            reader: Any = Reader(file.fileno(), lambda: self.read.append("x"), lambda reason: None)
            self.reactor.addReader(reader)
            self.assertIn(reader, self.reactor.getReaders())
            self.reactor.removeReader(reader)
            self.assertNotIn(reader, self.reactor.getReaders())
