"""Starts the server the ways a user does, each in an empty folder, and talks to it over loopback."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from twisted.trial import unittest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
TWISTD = str(BIN / "twistd")
SOCKUDO = str(BIN / "sockudo")
PATIENCE = 20.0
# Variables that would change what is tested.
_OURS = ("SOCKUDO_", "WEBSOCKET_", "LOG_", "DEBUG", "HOST", "PORT", "RUST_LOG", "PYTHONPATH")


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**extra: str) -> dict[str, str]:
    """This process's variables without those the server reads, on loopback and with any port for the metrics."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {
        **clean,
        "HOST": "127.0.0.1",
        "METRICS_HOST": "127.0.0.1",
        "METRICS_PORT": "0",
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


def eventually(what: str, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true answer of a condition in another process."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {patience} s")


def get(port: int, path: str = "/up", host: str = "127.0.0.1") -> int | None:
    """Status of one GET, None when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


class Process:
    """A started server."""

    def __init__(
        self, command: list[str], folder: Path, variables: Mapping[str, str], passed: Sequence[int] = ()
    ) -> None:
        self.log = folder / "output.txt"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=passed,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def output(self) -> str:
        """All it has printed."""
        return self.log.read_text(errors="replace")

    def up(self, port: int, host: str = "127.0.0.1") -> None:
        """Returns when `/up` answers 200."""

        def answered() -> bool:
            if self._process.poll() is not None:
                raise AssertionError(f"it ended with {self._process.returncode}:\n{self.output}")
            return get(port, host=host) == 200

        eventually("/up", answered)

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def status(self, patience: float = PATIENCE) -> int:
        """Its exit status, when it has ended."""
        return self._process.wait(patience)

    def kill(self) -> None:
        """Makes sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class WebSocket:
    """A client at the level of frames, so that a test sees exactly what the server sends."""

    def __init__(
        self,
        port: int,
        key: str = "app-key",
        host: str = "127.0.0.1",
        context: ssl.SSLContext | None = None,
        *,
        connected: socket.socket | None = None,
        prefix: str = "",
    ) -> None:
        self.socket = connected or socket.create_connection((host, port), timeout=PATIENCE)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        nonce = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            (
                f"GET {prefix}/app/{key}?protocol=7&client=test&version=1 HTTP/1.1\r\nHost: {host}:{port}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {nonce}\r\n\r\n"
            ).encode()
        )
        self.stream = self.socket.makefile("rb")
        self.head = b"".join(takewhile(lambda line: line != b"\r\n", self.stream)).decode()

    def frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame, None at the end of the connection."""
        head = self.stream.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self.stream.read(2))[0]
        return head[0] & 15, self.stream.read(size)

    def event(self) -> dict[str, Any]:
        """The next text frame as JSON."""
        found = self.frame()
        assert found is not None
        assert found[0] == 1, found
        event: dict[str, Any] = json.loads(found[1])
        return event

    def send(self, event: dict[str, Any]) -> None:
        """Sends a text frame, masked with zeros."""
        payload = json.dumps(event).encode()
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else struct.pack(">BH", 0x80 | 126, len(payload))
        self.socket.sendall(b"\x81" + size + bytes(4) + payload)

    def close(self) -> None:
        """Hangs up."""
        self.stream.close()
        self.socket.close()


class LaunchCase(unittest.TestCase):
    """Gives each test an empty folder and a free port, and leaves no process behind."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.folder = self.folder.resolve()
        self.port = free_port()

    def launch(self, *command: str, passed: Sequence[int] = (), **variables: str) -> Process:
        """Starts a command in the folder with PORT set, and with these descriptors open."""
        process = Process(list(command), self.folder, environment(**{"PORT": str(self.port), **variables}), passed)
        self.addCleanup(process.kill)
        return process

    def run_to_end(self, *command: str, **variables: str) -> tuple[int, str]:
        """Exit status and output of a command that ends by itself."""
        process = self.launch(*command, **variables)
        return process.status(), process.output

    def config(self, **settings: Any) -> str:
        """Writes a configuration file; its name."""
        (self.folder / "test.json").write_text(json.dumps(settings))
        return "test.json"

    def socket(self) -> WebSocket:
        """A client whose connection is established."""
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        return client
