"""What /proc says, on ourselves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from twisted.trial import unittest

from sockudo_tx.bench.processes import family, listener, read


class ProcessesTests(unittest.TestCase):
    """CPU, memory, descriptors, listeners."""

    def test_ourselves(self) -> None:
        """A process has CPU time that grows, memory and descriptors."""
        before = read([os.getpid()])
        sum(range(300_000))
        after = read([os.getpid()])
        assert before is not None
        assert after is not None
        self.assertGreater(after.cpu_ns, before.cpu_ns)
        self.assertGreater(after.rss, 1 << 20)
        self.assertGreater(after.descriptors, 2)

    def test_nobody(self) -> None:
        """A process that is not there has nothing."""
        self.assertIsNone(read([999_999_999]))

    def test_children(self) -> None:
        """Children belong to a process and to its sum."""
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            self.assertIn(child.pid, family(os.getpid()))
            child.communicate(b"\n")
        self.assertNotIn(child.pid, family(os.getpid()))

    def test_listener(self) -> None:
        """The process that listens is found by address and port, also when it listens on all addresses."""
        for address in ("127.0.0.1", "0.0.0.0"):
            with socket.create_server((address, 0)) as server:
                port = server.getsockname()[1]
                self.assertEqual(listener("127.0.0.1", port), os.getpid())
                if address == "127.0.0.1":
                    self.assertIsNone(listener("127.0.0.2", port))
            self.assertIsNone(listener("127.0.0.1", port))
        if socket.has_dualstack_ipv6():
            with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
                self.assertEqual(listener("127.0.0.1", server.getsockname()[1]), os.getpid())
