"""What systemd is told, on a real datagram socket."""

from __future__ import annotations

import os
import re
import socket

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.systemd import Systemd


class SystemdTests(SynchronousTestCase):
    """`Systemd` (sd_notify(3), sd_watchdog_enabled(3))."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.path = os.path.abspath(self.mktemp())
        self.manager = self.listen(self.path)

    def listen(self, address: str) -> socket.socket:
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(address)
        manager.setblocking(False)
        return manager

    def made(self, **variables: str) -> Systemd:
        systemd = Systemd(self.clock, {"NOTIFY_SOCKET": self.path, **variables})
        systemd.startService()
        self.addCleanup(systemd.stopService)
        return systemd

    def heard(self, manager: socket.socket | None = None) -> list[list[str]]:
        """The lines of each datagram so far."""
        found = []
        while True:
            try:
                found.append((manager or self.manager).recv(4096).decode().split("\n"))
            except BlockingIOError:
                return found

    def test_ready(self) -> None:
        """READY comes with the process that serves and with what it is doing."""
        self.made().ready("ready at http://127.0.0.1:6001")
        expected = ["READY=1", f"MAINPID={os.getpid()}", "STATUS=ready at http://127.0.0.1:6001"]
        self.assertEqual(self.heard(), [expected])

    def test_reloading(self) -> None:
        """RELOADING carries the monotonic time, without which `Type=notify-reload` does not believe it."""
        self.made().reloading()
        ((reloading, monotonic, _),) = self.heard()
        self.assertEqual(reloading, "RELOADING=1")
        self.assertRegex(monotonic, re.compile(r"^MONOTONIC_USEC=\d{6,}$"))

    def test_stopping(self) -> None:
        """STOPPING asks for the time that draining may take."""
        self.made().stopping(15.0)
        self.assertEqual(self.heard()[0][:2], ["STOPPING=1", "EXTEND_TIMEOUT_USEC=15000000"])

    def test_abstract_socket(self) -> None:
        """A name that begins with `@` is one in the abstract namespace."""
        manager = self.listen(f"\0sockudo-test-{os.getpid()}")
        systemd = Systemd(self.clock, {"NOTIFY_SOCKET": f"@sockudo-test-{os.getpid()}"})
        systemd.ready("here")
        self.assertEqual(self.heard(manager)[0][0], "READY=1")

    def test_watchdog(self) -> None:
        """Pings come twice in each WATCHDOG_USEC, the first at once, and end with the service."""
        systemd = self.made(WATCHDOG_USEC="4000000", WATCHDOG_PID=str(os.getpid()))
        self.clock.pump([1.0] * 5)
        self.assertEqual(self.heard(), [["WATCHDOG=1"]] * 3)
        systemd.stopService()
        self.clock.advance(10)
        self.assertEqual((self.heard(), self.clock.getDelayedCalls()), ([], []))

    def test_watchdog_of_another(self) -> None:
        """A WATCHDOG_PID that is not ours, or a time that is none, means that nobody waits for our pings."""
        self.made(WATCHDOG_USEC="4000000", WATCHDOG_PID="1")
        self.made(WATCHDOG_USEC="soon")
        self.made()
        self.assertEqual((self.heard(), self.clock.getDelayedCalls()), ([], []))

    def test_nobody(self) -> None:
        """Without NOTIFY_SOCKET nothing is sent, and nothing is wrong."""
        with capturedLogs() as events:
            for address in ("", "relative", "vsock:2:1234"):
                systemd = Systemd(self.clock, {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
                systemd.startService()
                systemd.ready("here")
                self.assertFalse(systemd.listens)
        self.assertEqual((events, self.clock.getDelayedCalls()), ([], []))

    def test_broken(self) -> None:
        """A socket that is gone or full costs one line in the log and nothing else, however often."""
        systemd = Systemd(self.clock, {"NOTIFY_SOCKET": self.path + "-gone"})
        with capturedLogs() as events:
            for _ in range(3):
                systemd.ready("here")
        self.assertEqual([event["log_level"].name for event in events], ["warn"])

    def test_broken_again(self) -> None:
        """Once it has taken something a new fault is news."""
        systemd = self.made()
        away = self.path + "-away"
        with capturedLogs() as events:
            for _ in range(2):
                os.rename(self.path, away)
                systemd.ready("here")
                os.rename(away, self.path)
                systemd.ready("here")
        self.assertEqual([event["log_level"].name for event in events], ["warn", "warn"])
