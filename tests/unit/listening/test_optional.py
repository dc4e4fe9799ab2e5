"""A port the server can do without."""

from __future__ import annotations

import socket

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.listening.optional import OptionalListener


class OptionalTests(SynchronousTestCase):
    """`OptionalListener`"""

    def listener(self, port: int) -> OptionalListener:
        """A listener whose log is `self.lines`."""
        self.lines: list[str] = []
        self.patch(OptionalListener, "_log", Logger(observer=lambda event: self.lines.append(str(event["reason"]))))
        return OptionalListener(
            MemoryReactor(), Factory(), "127.0.0.1", port, setting="ssl.http_port", without="No redirect"
        )

    def test_taken(self) -> None:
        """A port in use is one warning, however often it is opened; starting and stopping are no trouble."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            listener = self.listener(other.getsockname()[1])
            listener.open()
            listener.privilegedStartService()
            listener.startService()
            self.assertEqual(self.lines, ["another program listens there"])
            self.assertEqual(listener.addresses, [])
            self.successResultOf(listener.stopService())

    def test_free(self) -> None:
        """A free port is opened like any other."""
        listener = self.listener(0)
        listener.open()
        self.assertEqual((len(listener.addresses), self.lines), (1, []))
        self.successResultOf(listener.stopService())
