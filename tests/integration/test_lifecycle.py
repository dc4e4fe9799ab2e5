"""The life of a real process: what systemd hears, SIGHUP, draining, and ends that are not the usual one."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.integration.launch import PATIENCE, SOCKUDO, TWISTD, LaunchCase, Process, environment, eventually, get
from tests.integration.manager import Manager
from tests.integration.over_unix import UnixCase
from tests.integration.secure import TlsCase

FOREGROUND = (TWISTD, "-n", "--pidfile=", "sockudo")
ONE = {"id": "1", "key": "one", "secret": "hunter2"}
TWO = {"id": "2", "key": "two", "secret": "hunter2"}


class LifeCase(LaunchCase):
    """Gives each test a service manager, and a configuration file to edit."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()  # a short path: a socket's name has 108 bytes
        self.addCleanup(folder.cleanup)
        self.manager = Manager(Path(folder.name) / "notify")
        self.addCleanup(self.manager.close)

    def write(self, *apps: dict[str, Any], **settings: Any) -> str:
        """Writes the configuration file; its name."""
        return self.config(app_manager={"array": {"apps": apps}}, **settings)

    def start(self, *command: str, **variables: str) -> Process:
        """Starts a server and waits until it is ready."""
        process = self.launch(*command, NOTIFY_SOCKET=self.manager.path, **variables)
        self.assertEqual(self.manager.hear()["READY"], "1")
        return process

    def hang_up(self, pid: int) -> dict[str, str]:
        """Sends SIGHUP; what the manager hears when it has been obeyed."""
        os.kill(pid, signal.SIGHUP)
        reloading = self.manager.hear()
        self.assertEqual(reloading["RELOADING"], "1")
        self.assertGreater(int(reloading["MONOTONIC_USEC"]), 0)
        ready = self.manager.hear()
        self.assertEqual(ready["READY"], "1")
        return ready


class SystemdTests(LifeCase):
    """What a unit of `Type=notify`, or `Type=notify-reload`, hears"""

    def test_life(self) -> None:
        """READY when clients are served, RELOADING and READY around a reload, STOPPING at the end, exit status 0."""
        for command in ((SOCKUDO,), FOREGROUND):
            process = self.launch(*command, NOTIFY_SOCKET=self.manager.path)
            ready = self.manager.hear()
            self.assertEqual(get(self.port, "/ready"), 200)
            self.assertEqual((ready["READY"], ready["MAINPID"]), ("1", str(process.pid)))
            self.assertIn(f"http://127.0.0.1:{self.port}", ready["STATUS"])
            self.hang_up(process.pid)
            process.signal(signal.SIGTERM)
            stopping = self.manager.hear()
            self.assertEqual((stopping["STOPPING"], stopping["EXTEND_TIMEOUT_USEC"]), ("1", "15000000"))
            self.assertEqual(process.status(), 0, process.output)

    def test_daemon(self) -> None:
        """A daemon names itself, not the process that started it, and hears SIGHUP."""
        self.write(ONE)
        process = self.start(TWISTD, "--pidfile=daemon.pid", "--logfile=daemon.log", "sockudo", "-c", "test.json")
        self.assertEqual(process.status(), 0)
        pid = int((self.folder / "daemon.pid").read_text())
        self.addCleanup(os.kill, pid, signal.SIGTERM)
        self.write(ONE, TWO)
        self.assertEqual(self.hang_up(pid)["MAINPID"], str(pid))
        self.assertEqual(get(self.port, "/up/2"), 200)

    def test_watchdog(self) -> None:
        """Pings come while the server runs and stay away while it hangs: then the manager starts it anew."""
        process = self.start(SOCKUDO, WATCHDOG_USEC="200000")
        for _ in range(3):
            self.assertEqual(self.manager.next(), {"WATCHDOG": "1"})
        process.signal(signal.SIGSTOP)
        self.manager.drain()
        self.assertTrue(self.manager.silent(0.5))
        process.signal(signal.SIGCONT)
        self.assertEqual(self.manager.next(), {"WATCHDOG": "1"})

    def test_manager_that_is_gone(self) -> None:
        """A NOTIFY_SOCKET that nobody reads costs a line in the log and nothing else."""
        self.manager.close()
        process = self.launch(SOCKUDO, NOTIFY_SOCKET=self.manager.path, WATCHDOG_USEC="200000")
        process.up(self.port)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)
        self.assertEqual(process.output.count("NOTIFY_SOCKET"), 1)


class ReloadTests(LifeCase):
    """SIGHUP, as `systemctl reload` sends it"""

    def test_apps(self) -> None:
        """A new app is served, a removed one's clients get 4001, those of others stay connected."""
        for command in ((SOCKUDO,), FOREGROUND):
            self.write(ONE, {**ONE, "id": "app-id", "key": "app-key"})
            process = self.start(*command, "-c", "test.json")
            client = self.socket()
            self.write({**ONE, "id": "app-id", "key": "app-key"}, TWO)
            self.hang_up(process.pid)
            self.assertEqual([get(self.port, f"/up/{name}") for name in ("1", "2")], [404, 200])
            client.send({"event": "pusher:ping", "data": {}})
            self.assertEqual(client.event()["event"], "pusher:pong")
            self.write(TWO)
            self.hang_up(process.pid)
            self.assertEqual(client.event()["data"]["code"], 4001)
            client.close()
            for words in ("app 2: not there -> added", "app 1: there -> removed", "configuration reloaded: 2 changed"):
                self.assertIn(words, process.output)
            self.assertNotIn("hunter2", process.output)
            self.end(process)

    def end(self, process: Process) -> None:
        process.signal(signal.SIGTERM)
        self.assertEqual(self.manager.hear()["STOPPING"], "1")
        self.assertEqual(process.status(), 0, process.output)

    def test_mistakes(self) -> None:
        """A file with mistakes, or none, changes nothing: the log and the manager's status say so, the server runs."""
        self.write(ONE)
        process = self.start(SOCKUDO, "-c", "test.json")
        for text in ('{"port": "six", "cors": {"origin": 7}}', "no JSON", None):
            if text is None:
                (self.folder / "test.json").unlink()
            else:
                (self.folder / "test.json").write_text(text)
            self.assertIn("refused", self.hang_up(process.pid)["STATUS"])
            self.assertEqual(get(self.port, "/up/1"), 200)
        for words in ("port", "cors.origin", "not a JSON configuration", "test.json is gone"):
            self.assertIn(words, process.output)
        self.write(ONE, TWO)
        self.assertNotIn("refused", self.hang_up(process.pid)["STATUS"])
        self.assertEqual(get(self.port, "/up/2"), 200)

    def test_log_level(self) -> None:
        """`debug` switched on in the file is debugging from then on: requests have their lines."""
        self.write(ONE)
        process = self.start(SOCKUDO, "-c", "test.json")
        get(self.port, "/before")
        self.write(ONE, debug=True)
        self.hang_up(process.pid)
        get(self.port, "/after")
        eventually("logged", lambda: "GET /after 404" in process.output)
        self.assertNotIn("GET /before", process.output)

    def test_another_folder(self) -> None:
        """The file is looked for where it was at the start, wherever twistd has gone since."""
        self.write(ONE)
        (self.folder / "elsewhere").mkdir()
        process = self.start(TWISTD, "-n", "--pidfile=", "--rundir=elsewhere", "sockudo", "-c", "test.json")
        self.write(ONE, TWO)
        self.assertNotIn("refused", self.hang_up(process.pid)["STATUS"])
        self.assertEqual(get(self.port, "/up/2"), 200)

    def test_while_draining(self) -> None:
        """SIGHUP during shutdown is ignored, and said to be."""
        process = self.start(SOCKUDO, SHUTDOWN_GRACE_PERIOD="60")
        client = self.socket()  # never answers the Close
        process.signal(signal.SIGTERM)
        self.assertEqual(client.event()["data"]["code"], 4200)
        process.signal(signal.SIGHUP)
        eventually("ignored", lambda: "not reloading" in process.output)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)


class TerminalTests(LifeCase):
    """A server somebody started by hand"""

    def test_terminal_that_goes(self) -> None:
        """SIGHUP because the terminal has gone is an end, not a reload: nobody is left to stop the server."""
        terminal, theirs = pty.openpty()
        variables = environment(PORT=str(self.port), NOTIFY_SOCKET=self.manager.path)
        process = subprocess.Popen([SOCKUDO], cwd=self.folder, env=variables, stdin=theirs, stdout=theirs)
        self.addCleanup(process.kill)
        os.close(theirs)
        self.assertEqual(self.manager.hear()["READY"], "1")
        self.hang_up(process.pid)  # by hand, while the terminal is there
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        self.assertEqual(self.manager.hear()["STOPPING"], "1")
        self.assertEqual(process.wait(PATIENCE), 0)


class DrainTests(LifeCase):
    """`shutdown.drain_ms`"""

    def test_drain(self) -> None:
        """While balancers look, `/up` and `/ready` are 503 and clients are served; the second signal ends that."""
        process = self.start(SOCKUDO, SHUTDOWN_DRAIN_MS="30000", SHUTDOWN_GRACE_PERIOD="60")
        process.signal(signal.SIGTERM)
        self.assertEqual(self.manager.hear()["STOPPING"], "1")
        self.assertEqual([get(self.port, path) for path in ("/up", "/ready", "/live")], [503, 503, 200])
        client = self.socket()
        client.send({"event": "pusher:ping", "data": {}})
        self.assertEqual(client.event()["event"], "pusher:pong")
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)


class EndTests(UnixCase):
    """Case C-93"""

    def test_C93_sigterm(self) -> None:
        """SIGTERM: sockets get 4200, the socket file goes, exit status 0, without waiting for the grace period."""
        process = self.serve(SOCKUDO, SHUTDOWN_GRACE_PERIOD="600")
        self.up()
        client = self.dial()
        process.signal(signal.SIGTERM)
        self.assertEqual(client.event()["data"]["code"], 4200)
        client.close()
        self.assertEqual(process.status(), 0, process.output)
        self.assertFalse(self.path.exists())

    def test_C93_idle(self) -> None:
        """An idle server exits at once, although a connection that asks nothing is open."""
        process = self.launch(SOCKUDO, SHUTDOWN_GRACE_PERIOD="600")
        process.up(self.port)
        with socket.create_connection(("127.0.0.1", self.port)) as idle:
            idle.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", idle.recv(1000))
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0, process.output)


class CrashTests(LaunchCase):
    """A bug while starting"""

    CODE = """
import sys
from sockudo_tx.listening import SocketListener
def adopt(self, opened):
    raise RuntimeError("no descriptor left")
SocketListener._adopt = adopt
{main}
"""
    MAINS = {
        "sockudo": "from sockudo_tx.cli import main; sys.exit(main([]))",
        "twistd": "sys.argv = ['twistd', '-n', 'sockudo']\nfrom twisted.scripts.twistd import run; run()",
        "daemon": "sys.argv = ['twistd', '--logfile=daemon.log', 'sockudo']\nfrom twisted.scripts.twistd import run; run()",
    }

    def test_one_line(self) -> None:
        """What prevents the start is one line, exit status 1, no traceback, and no pid file stays."""
        for name, main in self.MAINS.items():
            (self.folder / "output.txt").unlink(missing_ok=True)
            status, output = self.run_to_end(sys.executable, "-c", self.CODE.format(main=main))
            self.assertEqual(status, 1, output)
            self.assertIn("no descriptor left", output, name)
            self.assertNotIn("Traceback", output, name)
            self.assertFalse((self.folder / "twistd.pid").exists(), name)
        log = (self.folder / "daemon.log").read_text()
        self.assertIn("cannot start: RuntimeError: no descriptor left", log)
        self.assertNotIn("Traceback", log)


class StallTests(LifeCase):
    """The watchdog of our own"""

    def test_stall(self) -> None:
        """A process that was held longer than `health.stall_ms` says so on `/up` and in its log."""
        self.write(ONE, health={"stall_ms": 300})
        process = self.start(SOCKUDO, "-c", "test.json")
        self.assertEqual(get(self.port), 200)
        process.signal(signal.SIGSTOP)
        self.manager.silent(1.0)
        process.signal(signal.SIGCONT)
        self.assertEqual(get(self.port), 503)
        eventually("logged", lambda: "the reactor turns again" in process.output)
        self.assertEqual([get(self.port, path) for path in ("/ready", "/live")], [200, 200])


class SecureEndTests(TlsCase):
    """Stopping with TLS"""

    def test_idle_connections(self) -> None:
        """Connections that ask nothing, before the handshake, after it and after an answer, hold nobody."""
        process = self.serve(SHUTDOWN_GRACE_PERIOD="600")
        self.secure()
        self.addCleanup(socket.create_connection(("127.0.0.1", self.port)).close)
        idle = self.secure()
        idle.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"200 OK", idle.recv(1000))
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0, process.output)
