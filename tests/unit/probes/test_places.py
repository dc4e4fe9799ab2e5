"""Ports and paths to listen at: free, taken, stale, alive, forbidden."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import chdir
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.probes.ports import ports_taken
from sockudo_tx.probes.sockets import socket_fault


class PortTests(SynchronousTestCase):
    """`ports_taken`"""

    def test_taken(self) -> None:
        """A port that a program listens on is taken, on every address that covers it."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            found = ports_taken([("127.0.0.1", port), ("0.0.0.0", port), ("localhost", port)])
            self.assertEqual({error.errno for error in found.values()}, {errno.EADDRINUSE})
            self.assertEqual(len(found), 3)
        self.assertEqual(ports_taken([("127.0.0.1", port)]), {})

    def test_closing_connections_do_not_count(self) -> None:
        """A port whose earlier connections are still closing is free, as it is for the server."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            client = socket.create_connection(address)
            server.accept()[0].close()
            client.close()
        self.assertEqual(ports_taken([address[:2]]), {})

    def test_impossible(self) -> None:
        """An address of another machine, a name nobody knows, and one that is none."""
        found = ports_taken([("192.0.2.1", 7), ("no-such-host.invalid", 7), ("a" * 300, 7)])
        self.assertEqual(len(found), 3)

    def test_any_port(self) -> None:
        """Port 0 is always free."""
        self.assertEqual(ports_taken([("127.0.0.1", 0)]), {})


class SocketTests(SynchronousTestCase):
    """`socket_fault`"""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.enterContext(chdir(self.folder))  # a Unix socket's path must be short

    def test_free(self) -> None:
        """Nothing there, also below directories that are not there yet."""
        self.assertIsNone(socket_fault("s.sock"))
        self.assertIsNone(socket_fault("a/b/s.sock"))

    def test_stale_and_alive(self) -> None:
        """A socket somebody answers on is in use; when that program has gone it is in nobody's way."""
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s.sock")
            server.listen()
            fault = socket_fault("s.sock")
            assert fault is not None
            self.assertIn("in use", fault.message)
        self.assertIsNone(socket_fault("s.sock"))
        self.assertTrue(Path("s.sock").exists())

    def test_busy(self) -> None:
        """A socket whose queue is full is in use, though it takes nobody now."""
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s.sock")
            server.listen(0)
            for _ in range(3):
                waiting = socket.socket(socket.AF_UNIX)
                self.addCleanup(waiting.close)
                waiting.setblocking(False)
                waiting.connect_ex("s.sock")
            fault = socket_fault("s.sock")
        assert fault is not None
        self.assertIn("in use", fault.message)

    def test_something_else(self) -> None:
        """A file, a directory, or a file where a directory should be."""
        Path("file").touch()
        for path, word in (("file", "not a socket"), (".", "not a socket"), ("file/s.sock", "")):
            fault = socket_fault(path)
            assert fault is not None, path
            self.assertIn(word, fault.message)

    def test_not_writable(self) -> None:
        """A directory in which nothing can be made is told by name."""
        if os.geteuid() == 0:
            self.assertIsNotNone(socket_fault("/proc/self/s.sock"))
            return
        Path("closed").mkdir(mode=0o500)
        fault = socket_fault("closed/s.sock")
        assert fault is not None
        self.assertIn("closed is not writable", fault.message)
