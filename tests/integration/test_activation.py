"""Sockets opened by another process: systemd's, a parent that speaks its protocol, and its own tool."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.certificates import self_signed
from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, Process, WebSocket, eventually, free_port, get
from tests.integration.over_unix import get_over

# What systemd does for a service with sockets: they stand at 3, 4, ..., and the variables name the process that execs.
PARENT = """
import json, os, sys
given = json.loads(sys.argv[1])
for place, descriptor in enumerate([os.dup(each) for each in given["descriptors"]]):
    os.dup2(descriptor, 50 + place)
for place in range(len(given["descriptors"])):
    os.dup2(50 + place, 3 + place)
    os.close(50 + place)
os.environ.update(given["variables"], LISTEN_PID=given["pid"] or str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
"""
WAYS = ((SOCKUDO, "run"), (TWISTD, "-n", "--pidfile=", "sockudo"))


class ActivationTests(LaunchCase):
    """The server adopts what it is given"""

    def setUp(self) -> None:
        super().setUp()
        # The main port of the configuration is taken: to open it would end the start.
        taken = socket.create_server(("127.0.0.1", self.port))
        self.addCleanup(taken.close)

    def activate(
        self, sockets: Sequence[socket.socket], *command: str, names: str = "", pid: str = "", **variables: str
    ) -> Process:
        """Starts a command with these sockets; they are open in this process too."""
        told = {"LISTEN_FDS": str(len(sockets)), **({"LISTEN_FDNAMES": names} if names else {})}
        for each in sockets:
            self.addCleanup(each.close)
        numbers = [each.fileno() for each in sockets]
        given = json.dumps({"descriptors": numbers, "variables": told, "pid": pid})
        return self.launch(sys.executable, "-c", PARENT, given, *command, passed=numbers, **variables)

    def listening(self, **arguments: Any) -> tuple[socket.socket, int]:
        """A listening socket, and its port."""
        opened = socket.create_server(("127.0.0.1", 0), **arguments)
        return opened, opened.getsockname()[1]

    def test_both_programs(self) -> None:
        """`sockudo run` and `twistd` serve on the socket; after the end it still listens, for the next server."""
        opened, port = self.listening()
        for command in WAYS:
            process = self.activate([opened], *command)
            process.up(port)
            client = WebSocket(port)
            self.assertEqual(client.event()["event"], "pusher:connection_established")
            client.close()
            self.assertIn(f"ready at http://127.0.0.1:{port}", process.output)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0, process.output)
            socket.create_connection(("127.0.0.1", port)).close()

    def test_daemon(self) -> None:
        """A daemon keeps it through its forks."""
        opened, port = self.listening()
        process = self.activate([opened], TWISTD, "--pidfile=daemon.pid", "--logfile=daemon.log", "sockudo")
        self.assertEqual(process.status(), 0, process.output)
        pid = int((self.folder / "daemon.pid").read_text())
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.assertEqual(get(port), 200)

    def test_unix_socket(self) -> None:
        """A Unix socket is adopted, with the file left alone: neither its mode nor its place change."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "s.sock"
            opened = socket.socket(socket.AF_UNIX)
            opened.bind(str(path))
            opened.listen()
            path.chmod(0o600)
            process = self.activate([opened], SOCKUDO, "run")
            eventually("/up", lambda: get_over(path) == 200)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0)
            self.assertTrue(path.is_socket())
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))  # nobody answers, and nobody shut it down
            client.close()

    def test_names(self) -> None:
        """Named sockets: two main ones, and one for metrics."""
        (first, one), (second, two), (third, three) = self.listening(), self.listening(), self.listening()
        process = self.activate(
            [first, third, second], SOCKUDO, "run", names="sockudo:metrics:sockudo", METRICS_ENABLED="1"
        )
        process.up(one)
        process.up(two)
        self.assertEqual(get(three, "/metrics"), 200)
        self.assertEqual(get(three), 404)

    def test_metrics_switched_off(self) -> None:
        """A socket for metrics that nobody will answer on is warned of."""
        (first, one), (second, two) = self.listening(), self.listening()
        process = self.activate([first, second], SOCKUDO, "run", names="sockudo:metrics", METRICS_ENABLED="0")
        process.up(one)
        self.assertRegex(process.output, rf"WARN .*127\.0\.0\.1:{two}.*METRICS_ENABLED")

    def test_tls(self) -> None:
        """With `ssl` a TCP port that was passed speaks TLS, and a Unix socket beside it does not."""
        files = self_signed(self.folder)
        (opened, port), path = self.listening(), Path(tempfile.mkdtemp()) / "s.sock"
        self.addCleanup(shutil.rmtree, path.parent)
        beside = socket.socket(socket.AF_UNIX)
        beside.bind(str(path))
        beside.listen()
        variables = {"SSL_ENABLED": "1", "SSL_CERT_PATH": files.cert, "SSL_KEY_PATH": files.key}
        process = self.activate([opened, beside], SOCKUDO, "run", names="sockudo:sockudo", **variables)
        eventually("/up", lambda: get_over(path) == 200)
        client = WebSocket(port, host="localhost", context=files.client_context())
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        self.assertIn(f"https://127.0.0.1:{port}, unix:{path}", process.output)

    def test_wrong_process(self) -> None:
        """Variables meant for another process are ignored: the server listens where it is configured to."""
        opened, _ = self.listening()
        other = free_port()
        self.activate([opened], SOCKUDO, "run", pid="1", PORT=str(other)).up(other)

    def test_no_listening_socket(self) -> None:
        """What is none ends the start with status 1, and how to mend the unit."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        process = self.activate([ours], SOCKUDO, "run")
        self.assertEqual(process.status(), 1)
        self.assertIn("Accept=no", process.output)
        self.assertNotIn("Traceback", process.output)

    def test_systemd_socket_activate(self) -> None:
        """systemd's own tool starts the server with the first client, who is served."""
        tool = shutil.which("systemd-socket-activate")
        if tool is None:
            self.skipTest("systemd-socket-activate is not installed: run scripts/bootstrap test")
        port = free_port()
        variables = [f"--setenv={name}" for name in ("PATH", "HOST", "PYTHONUNBUFFERED")]
        process = self.launch(tool, f"--listen=127.0.0.1:{port}", "--fdname=sockudo", *variables, SOCKUDO, "run")
        process.up(port)
        WebSocket(port).close()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)
