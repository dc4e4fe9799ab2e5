"""Clients of a server on a Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import tempfile
from pathlib import Path

from tests.integration.launch import PATIENCE, LaunchCase, Process, WebSocket, eventually


def connected(path: Path) -> socket.socket:
    """A connection to this socket."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    try:
        client.connect(str(path))
    except OSError:
        client.close()
        raise
    return client


def get_over(path: Path, target: str = "/up") -> int | None:
    """Status of one GET, None when nobody answers."""
    connection = http.client.HTTPConnection("localhost")
    try:
        connection.sock = connected(path)
        connection.request("GET", target)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


class UnixCase(LaunchCase):
    """Gives each test a path for a socket, short enough for one"""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "run" / "sockudo.sock"

    def serve(self, *command: str, **variables: str) -> Process:
        """Starts a server on the socket."""
        return self.launch(*command, UNIX_SOCKET_ENABLED="1", UNIX_SOCKET_PATH=str(self.path), **variables)

    def up(self, path: Path | None = None) -> None:
        """Returns when `/up` answers 200 over the socket."""
        eventually("/up over the socket", lambda: get_over(path or self.path) == 200)

    def dial(self, path: Path | None = None) -> WebSocket:
        """A client whose connection is established."""
        client = WebSocket(self.port, connected=connected(path or self.path))
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        return client

    def end(self, pid: int) -> None:
        """Makes sure that a daemon is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
