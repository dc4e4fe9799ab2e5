"""twistd as a daemon: the reactor exists before the fork and must work after it, on every event loop."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from pathlib import Path

from tests.integration.launch import TWISTD, LaunchCase, eventually, get


class DaemonTests(LaunchCase):
    """`twistd sockudo` returns when the server serves; a pid file names it."""

    def daemonise(self, *twistd: str, **variables: str) -> int:
        """Starts the daemon and exercises it; its process id."""
        process = self.launch(TWISTD, "--pidfile=daemon.pid", "--logfile=daemon.log", *twistd, "sockudo", **variables)
        self.assertEqual(process.status(), 0, process.output)
        pid = int((self.folder / "daemon.pid").read_text())
        self.addCleanup(self.end, pid)
        client = self.socket()
        client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        # A second turn of the loop after a pause: timers and wake-ups work too.
        client.send({"event": "pusher:ping", "data": {}})
        self.assertEqual(client.event()["event"], "pusher:pong")
        client.close()
        return pid

    def end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def stops(self, pid: int) -> None:
        """SIGTERM ends it: the pid file goes, and the log says so."""
        os.kill(pid, signal.SIGTERM)
        eventually("the pid file is gone", lambda: not (self.folder / "daemon.pid").exists())
        log = (self.folder / "daemon.log").read_text()
        self.assertIn("stopped", log)
        self.assertNotIn("Traceback", log)

    def test_on_uvloop(self) -> None:
        """uvloop's loop, made before the fork, serves, keeps time and hears signals after it."""
        pid = self.daemonise()
        self.assertIn("uvloop", (self.folder / "daemon.log").read_text())
        self.stops(pid)

    def test_without_uvloop(self) -> None:
        """So does asyncio's own loop."""
        (self.folder / "uvloop.py").write_text("raise ImportError('not here')")
        pid = self.daemonise(PYTHONPATH=str(self.folder))
        self.assertIn("_UnixSelectorEventLoop", (self.folder / "daemon.log").read_text())
        self.stops(pid)

    def test_on_epoll(self) -> None:
        """So does Twisted's epoll reactor."""
        self.stops(self.daemonise("--reactor=epoll"))

    def test_log_to_a_device(self) -> None:
        """A log that is no regular file, such as /dev/null, is never rotated: not by size, not by a signal."""
        if os.geteuid() != 0:
            self.skipTest("only root can make a device to log to")
        device = self.folder / "device"
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        process = self.launch(TWISTD, "--pidfile=daemon.pid", f"--logfile={device}", "sockudo")
        self.assertEqual(process.status(), 0, process.output)
        pid = int((self.folder / "daemon.pid").read_text())
        self.addCleanup(self.end, pid)
        os.kill(pid, signal.SIGUSR1)
        self.socket().close()
        os.kill(pid, signal.SIGTERM)
        eventually("the pid file is gone", lambda: not (self.folder / "daemon.pid").exists())
        self.assertEqual(list(self.folder.glob("device*")), [device])
        self.assertTrue(stat.S_ISCHR(device.stat().st_mode))

    def test_rest_of_the_world(self) -> None:
        """The daemon holds no terminal and no file of its parent, and its log is ours."""
        pid = self.daemonise()
        for number in range(3):
            self.assertEqual(Path(f"/proc/{pid}/fd/{number}").readlink(), Path("/dev/null"))
        log = (self.folder / "daemon.log").read_text()
        self.assertIn(" INFO sockudo.server: ready at", log)
        self.stops(pid)

    def test_debug_mode(self) -> None:
        """DEBUG=1 logs each request without its query, and where each line comes from."""
        pid = self.daemonise(DEBUG="1")
        get(self.port, "/nothing?auth_signature=hush")
        log = (self.folder / "daemon.log").read_text
        eventually("logged", lambda: "GET /nothing 404" in log())
        self.assertNotIn("hush", log())
        self.assertIn("filename=", log())
        self.stops(pid)

    def test_json_log(self) -> None:
        """LOG_OUTPUT_FORMAT=json makes twistd's log file JSON lines; SIGUSR1 rotates it."""
        pid = self.daemonise(LOG_OUTPUT_FORMAT="json")
        os.kill(pid, signal.SIGUSR1)
        eventually("rotated", (self.folder / "daemon.log.1").exists)
        self.assertIn('"message":"ready at', (self.folder / "daemon.log.1").read_text())
        self.stops(pid)

    def test_log_moved_away(self) -> None:
        """After logrotate has moved the log file, SIGUSR1 begins a new one, whether or not logrotate has made it."""
        pid = self.daemonise()
        log = self.folder / "daemon.log"
        for name, made in (("moved", False), ("again", True)):
            log.rename(self.folder / name)
            if made:
                log.touch()
            os.kill(pid, signal.SIGUSR1)
            eventually("a new file", log.exists)

            def written() -> bool:
                self.socket().close()
                return log.exists() and "connection closed" in log.read_text()

            eventually("lines in the new file", written)
        self.assertFalse((self.folder / "daemon.log.1").exists())
        self.stops(pid)
