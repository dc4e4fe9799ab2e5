"""A Unix socket in place of the port (configuration.md 8.4): real servers, and real nginx before one."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

from tests.integration.launch import SOCKUDO, TWISTD, WebSocket, eventually, free_port, get
from tests.integration.over_unix import UnixCase, get_over
from tests.integration.proxies import Nginx

WAYS = (("sockudo run", (SOCKUDO, "run")), ("twistd", (TWISTD, "-n", "--pidfile=", "sockudo")))


class ServingTests(UnixCase):
    """Who is served, and how it ends"""

    def test_C88_serves(self) -> None:
        """HTTP and WebSocket work through the socket, its mode is exactly 660, nothing listens on the TCP port."""
        for name, command in WAYS:
            process = self.serve(*command)
            self.up()
            client = self.dial()
            client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
            self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded", name)
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)
            self.assertIsNone(get(self.port))
            self.assertIn(f"ready at unix:{self.path}", process.output)
            process.signal(signal.SIGTERM)
            self.assertEqual(client.event()["data"]["code"], 4200)
            self.assertEqual(client.frame(), (8, b"\x10\x68Server shutting down"))
            client.close()
            self.assertEqual(process.status(), 0)
            self.assertFalse(self.path.exists())

    def test_C88_metrics_stay_on_tcp(self) -> None:
        """The metrics port is a TCP port as ever."""
        port = free_port()
        self.serve(SOCKUDO, "run", METRICS_ENABLED="1", METRICS_HOST="127.0.0.1", METRICS_PORT=str(port))
        self.up()
        self.assertEqual(get(port, "/metrics"), 200)
        self.assertEqual(get_over(self.path, "/metrics"), 404)

    def test_mode(self) -> None:
        """`permission_mode` is exact under any umask; the folder that was missing has 755."""
        command = f"umask 077 && exec {SOCKUDO} run"
        self.serve("/bin/sh", "-c", command, UNIX_SOCKET_PERMISSION_MODE="606")
        self.up()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o606)
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o755)

    def test_daemon(self) -> None:
        """`twistd sockudo` as a daemon keeps the socket through its forks; SIGTERM removes it."""
        process = self.serve(TWISTD, "--pidfile=daemon.pid", "--logfile=daemon.log", "sockudo")
        self.assertEqual(process.status(), 0, process.output)
        pid = int((self.folder / "daemon.pid").read_text())
        self.addCleanup(self.end, pid)
        self.up()
        self.dial().close()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)
        os.kill(pid, signal.SIGTERM)
        eventually("the socket is gone", lambda: not self.path.exists())
        eventually("the daemon is gone", lambda: not (self.folder / "daemon.pid").exists())
        self.assertNotIn("Traceback", (self.folder / "daemon.log").read_text())

    def test_daemon_of_another_user(self) -> None:
        """With `twistd --uid` that user and its group own the socket and the new folder, and can remove it."""
        if os.getuid():
            self.skipTest("needs root")
        self.path.parent.parent.chmod(0o755)
        process = self.serve(TWISTD, "-n", "--pidfile=", "--uid=nobody", "sockudo")
        self.up()
        found = self.path.stat()
        self.assertEqual((found.st_uid, found.st_gid), (65534, 65534))
        self.assertEqual(stat.S_IMODE(found.st_mode), 0o660)
        process.signal(signal.SIGTERM)
        process.status()
        self.assertFalse(self.path.exists(), process.output)

    def test_unknown_user(self) -> None:
        """A number that no user has ends the start with one line."""
        unknown = self.serve(TWISTD, "-n", "--pidfile=", "--uid=987654", "sockudo")
        self.assertEqual((unknown.status(), "--gid" in unknown.output), (1, True), unknown.output)
        self.assertNotIn("Traceback", unknown.output)

    def test_behind_nginx(self) -> None:
        """nginx of Debian passes HTTP and WebSockets on, as its user, who is in the socket's group."""
        variables = {} if os.getuid() else {"UNIX_SOCKET_PERMISSION_MODE": "666"}  # its workers run as another user
        self.path.parent.parent.chmod(0o755)
        self.serve(SOCKUDO, "run", **variables)
        self.up()
        with Nginx(self.folder / "nginx", f"unix:{self.path}") as proxy:
            self.assertEqual(get(proxy.port, "/up/app-id"), 200)
            client = WebSocket(proxy.port)
            self.addCleanup(client.close)
            self.assertEqual(client.event()["event"], "pusher:connection_established")
            client.send({"event": "pusher:ping", "data": {}})
            self.assertEqual(client.event()["event"], "pusher:pong")


class PlaceTests(UnixCase):
    """What is at the path already"""

    def refused(self, **variables: str) -> str:
        process = self.serve(SOCKUDO, "run", **variables)
        self.assertEqual(process.status(), 1, process.output)
        self.assertNotIn("Traceback", process.output)
        self.assertIn("unix_socket.path", process.output)
        return process.output

    def test_C89_stale(self) -> None:
        """The file of a server that was killed is replaced."""
        process = self.serve(SOCKUDO, "run")
        self.up()
        process.kill()
        self.assertTrue(self.path.is_socket())
        self.serve(SOCKUDO, "run")
        self.up()

    def test_C89_live(self) -> None:
        """A second server on the same path ends with status 1; the first goes on, at the same file."""
        self.serve(SOCKUDO, "run")
        self.up()
        before = self.path.stat().st_ino
        self.assertIn("another program listens there", self.refused())
        self.up()
        self.assertEqual(self.path.stat().st_ino, before)

    def test_C89_regular_file(self) -> None:
        """So it does when a file is there, and the file is untouched."""
        self.path.parent.mkdir()
        self.path.write_text("mine")
        self.refused()
        self.assertEqual(self.path.read_text(), "mine")

    def test_started_together(self) -> None:
        """Of three that start at once over a stale file one serves, and the others end with status 1."""
        self.path.parent.mkdir()
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(self.path))
        processes = [self.serve(SOCKUDO, "run") for _ in range(3)]
        self.up()
        states = eventually("two have ended", lambda: self.ended([process.pid for process in processes]))
        self.assertEqual(states, 2)
        self.up()

    def ended(self, pids: list[int]) -> int | None:
        """How many are zombies by now, once two are."""
        states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids]
        return states.count("Z") if states.count("Z") >= 2 else None

    def test_taken_over(self) -> None:
        """Another program has put its own socket there meanwhile: stopping leaves that alone."""
        process = self.serve(SOCKUDO, "run")
        self.up()
        self.path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.path))
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0)
        self.assertTrue(self.path.is_socket())

    def test_gone(self) -> None:
        """Somebody removed it: stopping is no trouble."""
        process = self.serve(SOCKUDO, "run")
        self.up()
        self.path.unlink()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)
        self.assertNotIn("Traceback", process.output)

    def test_C90_paths(self) -> None:
        """A path that is relative, empty or goes up ends the start with status 1; switched off it does not matter."""
        for path in ("sockudo.sock", "", "/tmp/../sockudo.sock", "/tmp/" + "x" * 120):
            self.path = Path(path)
            name = self.config(unix_socket={"enabled": True, "path": path})
            status, output = self.run_to_end(SOCKUDO, "run", "-c", name)
            self.assertEqual(status, 1, (path, output))
            self.assertIn("unix_socket.path", output)
            self.assertNotIn("Traceback", output)
        self.path = Path("sockudo.sock")
        self.assertIn("UNIX_SOCKET_PATH", self.refused())
        apps = [{"id": "1", "key": "one", "secret": "s"}]
        unused = {"enabled": False, "path": "../sockudo.sock"}
        name = self.config(unix_socket=unused, app_manager={"array": {"apps": apps}})
        self.launch(SOCKUDO, "run", "-c", name).up(self.port)
