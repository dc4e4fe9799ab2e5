"""Sockets from systemd: which is for what, and what is no listening socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial import unittest

from sockudo_tx.listening import ListenError, PassedListener, PassedSockets


class PassedTests(unittest.TestCase):
    """LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES (sd_listen_fds(3))"""

    first = 200  # where a parent would have put them; nothing else is there

    def passed(self, *sockets: socket.socket) -> None:
        """Puts these at the numbers from `first` on, as exec leaves them."""
        for place, given in enumerate(sockets):
            os.dup2(given.fileno(), self.first + place)
            given.close()
            self.addCleanup(self.close, self.first + place)

    def close(self, descriptor: int) -> None:
        try:
            os.close(descriptor)
        except OSError:
            pass

    def listening(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", 0))

    def variables(self, count: int, names: str | None = None, pid: int | None = None) -> dict[str, str]:
        found = {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": str(count), "HOME": "/"}
        return found if names is None else {**found, "LISTEN_FDNAMES": names}

    def take(self, environ: dict[str, str]) -> PassedSockets:
        taken = PassedSockets.take(environ, self.first)
        for opened in (*taken.main, *taken.metrics):
            self.addCleanup(opened.close)
        return taken

    def refusal(self, environ: dict[str, str]) -> str:
        with self.assertRaises(ListenError) as caught:
            self.take(environ)
        return str(caught.exception)

    def test_nothing(self) -> None:
        """Without systemd there is nothing."""
        self.assertEqual(PassedSockets.take({"HOME": "/"}), PassedSockets())

    def test_another_process(self) -> None:
        """Meant for another process: left alone."""
        self.passed(self.listening())
        self.assertEqual(self.take(self.variables(1, pid=1)), PassedSockets())
        os.fstat(self.first)

    def test_single(self) -> None:
        """One socket is the main one, whatever its name, or without names; it does not block, nor reach children."""
        for names in (None, "", "unknown", "sockudo.socket", "sockudo"):
            self.passed(self.listening())
            (main,) = self.take(self.variables(1, names)).main
            self.assertEqual((main.getblocking(), main.get_inheritable()), (False, False))
            main.close()

    def test_names(self) -> None:
        """Names say which is for metrics, those of units too; the main port may be several."""
        sockets = [self.listening() for _ in range(3)]
        ports = [opened.getsockname()[1] for opened in sockets]
        self.passed(*sockets)
        taken = self.take(self.variables(3, "sockudo:metrics.socket:sockudo.socket"))
        self.assertEqual([opened.getsockname()[1] for opened in taken.main], [ports[0], ports[2]])
        self.assertEqual([opened.getsockname()[1] for opened in taken.metrics], [ports[1]])

    def test_abstract(self) -> None:
        """A Unix socket without a file is told as `ss` and systemd write it."""
        opened = socket.socket(socket.AF_UNIX)
        opened.bind(f"\0sockudo-{os.getpid()}")
        opened.listen()
        self.passed(opened)
        listener = PassedListener(MemoryReactor(), Factory(), self.take(self.variables(1)).main)
        self.assertEqual(listener.address.url("http"), f"unix:@sockudo-{os.getpid()}")
        self.successResultOf(listener.stopService())

    def test_metrics_only(self) -> None:
        """A socket for metrics alone leaves the main port to us."""
        self.passed(self.listening())
        self.assertEqual(self.take(self.variables(1, "metrics")).main, ())

    def test_unknown_names(self) -> None:
        """Of several, one with another name is refused, with what to set."""
        self.passed(self.listening(), self.listening())
        self.assertIn("FileDescriptorName=", self.refusal(self.variables(2, "sockudo:admin")))

    def test_no_socket(self) -> None:
        """A file, a closed descriptor, a datagram socket and a connection are refused, each with its cure."""
        with Path(os.devnull).open() as file:
            os.dup2(file.fileno(), self.first)
        self.addCleanup(self.close, self.first)
        self.assertIn("no socket", self.refusal(self.variables(1)))
        os.close(self.first)
        self.assertIn("no socket", self.refusal(self.variables(1)))
        self.passed(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.assertIn("ListenStream=", self.refusal(self.variables(1)))
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.passed(ours)
        self.assertIn("Accept=no", self.refusal(self.variables(1)))

    def test_count(self) -> None:
        """What is no sensible number is refused."""
        for count in ("", "many", "-1", "100000"):
            environ = {**self.variables(0), "LISTEN_FDS": count}
            self.assertIn("LISTEN_FDS", self.refusal(environ))

    def test_life(self) -> None:
        """The listener adopts it, and after the stop its other holders can still accept."""
        opened = self.listening()
        port = opened.getsockname()[1]
        keeper = opened.dup()
        self.addCleanup(keeper.close)
        self.passed(opened)
        reactor = MemoryReactor()
        listener = PassedListener(reactor, Factory(), self.take(self.variables(1)).main)
        listener.open()
        self.assertEqual(listener.address.netloc, f"127.0.0.1:{port}")
        listener.startService()
        self.assertEqual(len(reactor.adoptedPorts), 1)
        self.successResultOf(listener.stopService())
        with socket.create_connection(("127.0.0.1", port)):
            keeper.accept()[0].close()
