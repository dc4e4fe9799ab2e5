"""Stopping: signals drain the server and end it with status 0."""

from __future__ import annotations

import signal
import struct
import time

from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, get

FOREGROUND = (TWISTD, "-n", "--pidfile=", "sockudo")


class StopTests(LaunchCase):
    """SIGTERM and SIGINT, with and without clients."""

    def test_status_zero(self) -> None:
        """SIGTERM and SIGINT end `twistd -n sockudo` and `sockudo` with exit status 0."""
        for command in (FOREGROUND, (SOCKUDO,)):
            for number in (signal.SIGTERM, signal.SIGINT):
                process = self.launch(*command)
                process.up(self.port)
                process.signal(number)
                self.assertEqual(process.status(), 0, (command, number, process.output))
                self.assertNotIn("Traceback", process.output)

    def test_P143_sockets_are_told_to_come_back(self) -> None:
        """On SIGTERM every socket gets error 4200 and Close 4200, new connections are refused, status 0 (P-143)."""
        process = self.launch(*FOREGROUND)
        process.up(self.port)
        clients = [self.socket() for _ in range(20)]
        process.signal(signal.SIGTERM)
        for client in clients:
            event = client.event()
            self.assertEqual(event["event"], "pusher:error")
            self.assertEqual(event["data"]["code"], 4200)
            self.assertEqual(event["data"]["message"], "Server shutting down")
            opcode, payload = client.frame() or (0, b"")
            self.assertEqual((opcode, struct.unpack(">H", payload[:2])[0]), (8, 4200))
            self.assertIsNone(get(self.port))
            client.close()
        self.assertEqual(process.status(), 0)

    def test_grace_period(self) -> None:
        """A client that ignores its Close does not hold the process beyond `shutdown_grace_period`."""
        process = self.launch(*FOREGROUND, SHUTDOWN_GRACE_PERIOD="1")
        process.up(self.port)
        self.socket()
        asked = time.monotonic()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)
        self.assertLess(time.monotonic() - asked, 4)

    def test_S93_second_signal(self) -> None:
        """A second signal ends the waiting for clients at once, still with status 0."""
        process = self.launch(*FOREGROUND, SHUTDOWN_GRACE_PERIOD="60")
        process.up(self.port)
        client = self.socket()  # never answers the Close
        process.signal(signal.SIGTERM)
        self.assertEqual(client.event()["data"]["code"], 4200)
        asked = time.monotonic()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0, process.output)
        self.assertLess(time.monotonic() - asked, 3)
