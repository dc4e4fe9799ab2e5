"""Hostile HTTP against a running server: it is refused or timed out, and others are served meanwhile."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from tests.integration.hostile import Attackers, Honest, need_files, open_files, resident
from tests.integration.launch import PATIENCE, SOCKUDO, LaunchCase, Process, WebSocket, eventually

MIB = 1 << 20
APPS = {"array": {"apps": [{"id": "app-id", "key": "app-key", "secret": "app-secret"}]}}
POST = b"POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\n"


class HostileCase(LaunchCase):
    """A server with short times, and a client and a backend that were there first."""

    def serve(self, **listener: Any) -> None:
        settings = {"header_timeout_ms": 2500, "idle_timeout_ms": 3000, **listener}
        name = self.config(listener=settings, http_api={"request_limit_in_mb": 1}, app_manager=APPS)
        self.process: Process = self.launch(SOCKUDO, "run", "-c", name)
        self.process.up(self.port)
        self.honest = Honest(self.port)
        self.addCleanup(self.honest.close)

    def setUp(self) -> None:
        super().setUp()
        self.serve()

    def serve_again(self, **listener: Any) -> None:
        """Another one instead."""
        self.honest.close()
        self.process.kill()
        self.serve(**listener)

    def attacked(self, attackers: Attackers, drip: bytes = b"", seconds: float = 0.5) -> None:
        """Until the last of them is closed, they send this again and again, and others are served."""

        def gone() -> bool:
            if drip:
                attackers.say(drip)
            self.honest.served()
            left = attackers.look()
            if left:
                time.sleep(seconds)
            return not left

        eventually("the end of the attack", gone, 3 * PATIENCE)

    def flood(self, head: bytes, piece: bytes, pieces: int) -> bytes:
        """One client sends so much, whatever it hears; what that is."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as attacker:
            try:
                attacker.sendall(head)
                for _ in range(pieces):
                    attacker.sendall(piece)
            except (ConnectionError, TimeoutError):
                pass
            self.honest.served()
            heard = b""
            try:
                while chunk := attacker.recv(65536):
                    heard += chunk
            except ConnectionError:
                pass
            return heard


class SlowTests(HostileCase):
    """Clients that take their time"""

    def test_one_byte_a_second(self) -> None:
        """A head of one byte a second is answered 408 and closed, whatever it wants to become."""
        heads = (b"G", b"GET /app/app-key?protocol=7", b"GET /up HTTP/1.1\r\nX", POST + b"X: ")
        with Attackers(self.port, 200, heads) as attackers:
            self.attacked(attackers, b"y", seconds=1)
            self.assertEqual(attackers.told, {b"408"})

    def test_slow_body(self) -> None:
        """So is a body of one byte a second."""
        heads = (POST + b"Content-Length: 1000\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\n")
        with Attackers(self.port, 100, heads) as attackers:
            self.attacked(attackers, b"1", seconds=1)
            self.assertEqual({*attackers.told} - {b"400"}, {b"408"})

    def test_promised_and_not_sent(self) -> None:
        """A body that is shorter than its length is waited for, and not for ever."""
        with Attackers(self.port, 20, [POST + b"Content-Length: 1000\r\n\r\n{}"]) as attackers:
            self.attacked(attackers)
            self.assertEqual(attackers.told, {b"408"})

    def test_half_open(self) -> None:
        """5,000 idle connections, silent or in the middle of a head, end in time; files and memory are free again."""
        need_files(6000)
        self.serve_again(header_timeout_ms=6000, idle_timeout_ms=6000)
        files = open_files(self.process.pid)
        sizes = []
        for _ in range(2):  # what the first one makes grow is there for the second
            with Attackers(self.port, 5000, [b"", b"GET /app/", b"GET /up HTTP/1.1\r\n"]) as attackers:
                eventually("all are let in", lambda: open_files(self.process.pid) >= files + 5000)
                self.attacked(attackers)
                self.assertEqual(attackers.told, {b"", b"408"})
            eventually("their files are closed", lambda: open_files(self.process.pid) <= files + 5)
            sizes.append(resident(self.process.pid))
        self.assertLess(sizes[1] - sizes[0], 4 * MIB)


class LargeTests(HostileCase):
    """Clients that send a lot"""

    def test_headers(self) -> None:
        """10 MB of header fields, or of one line, are refused at the limit and dropped."""
        before = resident(self.process.pid)
        field = b"X-Filling: " + b"y" * 1000 + b"\r\n"
        for head, piece, status in (
            (b"GET /up HTTP/1.1\r\n", field, b"431"),
            (b"GET /app/app-key?protocol=7 HTTP/1.1\r\n", field, b"431"),
            (POST, field, b"431"),
            (b"GET /", b"y" * 1000, b"414"),
            (b"GET /app/", b"y" * 1000, b"414"),
            (b"", b"y" * 1000, b"414"),
        ):
            heard = self.flood(head, piece, 10 * MIB // len(piece))
            self.assertIn(heard[9:12], (status, b""), head)
            self.assertLessEqual(heard.count(b"HTTP/1.1 4"), 1)
        self.assertLess(resident(self.process.pid) - before, 8 * MIB)

    def test_bodies(self) -> None:
        """A body over the limit is refused while it is read, whether it tells its length, hides it or lies."""
        before = resident(self.process.pid)
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for head, piece, statuses in (
            (POST + b"Content-Length: 104857600\r\n\r\n", b"y" * 65536, (b"413", b"")),
            (chunked, b"10000\r\n" + b"y" * 65536 + b"\r\n", (b"413", b"")),
            (chunked + b"ffffffff\r\n", b"y" * 65536, (b"413", b"")),
            (chunked, b"1;" + b"x" * 1000 + b"\r\ny\r\n", (b"400", b"")),
            (chunked + b"0\r\n", b"Trailer: " + b"y" * 1000 + b"\r\n", (b"400", b"")),
        ):
            heard = self.flood(head, piece, 10 * MIB // len(piece))
            self.assertIn(heard[9:12], statuses, head + piece[:20])
        self.assertLess(resident(self.process.pid) - before, 16 * MIB)

    def test_asks_and_does_not_read(self) -> None:
        """A client that sends requests ahead and reads nothing is blocked, then cut off; its answers do not pile up."""
        before = resident(self.process.pid)
        ahead = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as attacker:
            attacker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sent = 0
            try:
                while sent < 50 * MIB:
                    sent += attacker.send(ahead)
            except (TimeoutError, ConnectionError):
                pass
            self.assertLess(sent, 50 * MIB)
            self.honest.served()
            self.assertLess(resident(self.process.pid) - before, 16 * MIB)
            files = open_files(self.process.pid)
            eventually("it is cut off", lambda: open_files(self.process.pid) < files)
        self.honest.served()


class CrowdedTests(HostileCase):
    """More connections than there is room for"""

    def test_too_many_pending(self) -> None:
        """Above `max_pending` the oldest that have not spoken go at once; others get in."""
        self.serve_again(max_pending=50, idle_timeout_ms=600_000, header_timeout_ms=600_000)
        files = open_files(self.process.pid)
        with Attackers(self.port, 1000, [b"", b"GET /app/"]) as attackers:
            eventually("only fifty are left", lambda: attackers.look() <= 50)
            self.honest.served()
            self.assertLess(open_files(self.process.pid), files + 60)
            self.assertEqual(attackers.told, {b""})
        self.assertIn("listener.max_pending", self.process.output)

    def test_connections_of_one_address(self) -> None:
        """Above `max_connections_per_address` a client, named by a proxy, gets 429 at once; others get in, and it does
        when it has left a place."""
        self.honest.close()
        self.process.kill()
        name = self.config(listener={"max_connections_per_address": 3, "proxy_protocol": True}, app_manager=APPS)
        process = self.launch(SOCKUDO, "run", "-c", name)
        eventually("it listens", lambda: process.output.count("ready at") == 2)

        def connect(address: str) -> socket.socket:
            client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self.addCleanup(client.close)
            client.sendall(f"PROXY TCP4 {address} 127.0.0.1 50000 {self.port}\r\n".encode())
            return client

        def asked(client: socket.socket) -> bytes:
            client.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            return client.recv(65536)[9:12]

        first = [connect("192.0.2.1") for _ in range(3)]
        self.assertEqual([asked(each) for each in first], [b"200"] * 3)
        refused = connect("192.0.2.1")
        self.assertEqual(refused.recv(65536)[9:12], b"429")
        self.assertEqual(asked(connect("192.0.2.2")), b"200")
        self.assertEqual(asked(connect("127.0.0.1")), b"200")
        first[0].close()
        eventually("there is a place again", lambda: asked(connect("192.0.2.1")) == b"200")
        self.assertIn("listener.max_connections_per_address", process.output)

    def test_out_of_descriptors(self) -> None:
        """When no file can be opened any more, the log warns of it now and then, those who are in are served, the
        machine is not kept busy, and when somebody leaves there is room again."""
        self.honest.close()
        self.process.kill()
        name = self.config(listener={"max_pending": 0}, app_manager=APPS)
        command = f"ulimit -n 80 && exec {SOCKUDO} run -c {name}"
        process = self.launch("/bin/sh", "-c", command)
        process.up(self.port)
        first = WebSocket(self.port)
        first.event()
        crowd = [socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) for _ in range(150)]
        try:
            busy = cpu_seconds(process.pid)
            time.sleep(2)
            self.assertLess(cpu_seconds(process.pid) - busy, 1)
            first.send({"event": "pusher:ping", "data": {}})
            self.assertEqual(first.event()["event"], "pusher:pong")
            self.assertIn(process.output.count("no open file is left"), (1, 2))
        finally:
            for attacker in crowd:
                attacker.close()
        process.up(self.port)
        last = WebSocket(self.port)
        self.assertEqual(json.loads(last.event()["data"])["activity_timeout"], 120)
        for each in (first, last):
            each.close()


def cpu_seconds(pid: int) -> float:
    """What a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
