"""Clients that vanish with a TCP reset, on every event loop."""

from __future__ import annotations

import http.client
import json
import socket
import struct

from tests.integration.launch import TWISTD, LaunchCase, eventually

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: `close` sends a reset."""


class ResetTests(LaunchCase):
    """What a reset leaves behind: nothing."""

    def connections(self) -> int:
        """How many there are, by `/stats`."""
        question = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        question.request("GET", "/stats")
        totals = json.loads(question.getresponse().read())["totals"]
        question.close()
        return int(totals["connections"])

    def vanish(self, *twistd: str, **variables: str) -> None:
        """Clients say something and are gone: their reset reaches the server together with what they said."""
        process = self.launch(TWISTD, "-n", "--pidfile=", *twistd, "sockudo", **variables)
        process.up(self.port)
        for event in ("pusher:ping", "pusher:foo", "pusher:unsubscribe"):
            for _ in range(50):
                client = self.socket()
                client.send({"event": event, "data": {"channel": "news"}})
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
        eventually("all are gone", lambda: not self.connections(), 3)
        self.assertNotIn("Traceback", process.output)

    def test_P145_resets_on_uvloop(self) -> None:
        """uvloop stops watching a connection that was reset; it is noticed all the same (P-145)."""
        self.vanish()

    def test_P145_resets_without_uvloop(self) -> None:
        """So is it on asyncio's own loop."""
        (self.folder / "uvloop.py").write_text("raise ImportError('not here')")
        self.vanish(PYTHONPATH=str(self.folder))

    def test_P145_resets_on_epoll(self) -> None:
        """And on Twisted's epoll reactor."""
        self.vanish("--reactor=epoll")
