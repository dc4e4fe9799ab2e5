"""Workers, or their parent, that are killed or hang: who notices what."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import psutil

from tests.integration.hooked import HookedCase
from tests.integration.launch import WebSocket, eventually, get

PER_SECOND = 200
SLOW = 5
"""How much slower than the promise a machine may be that runs other tests besides."""


def join(client: WebSocket, socket_id: str, user: str) -> None:
    """The client becomes a member of a presence channel."""
    data = json.dumps({"user_id": user})
    text = f"{socket_id}:presence-room:{data}".encode()
    auth = hmac.new(b"app-secret", text, hashlib.sha256).hexdigest()
    client.send(
        {
            "event": "pusher:subscribe",
            "data": {"channel": "presence-room", "auth": f"app-key:{auth}", "channel_data": data},
        }
    )


class KilledTests(HookedCase):
    """SIGKILL"""

    def member(self, user: str) -> WebSocket:
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        join(client, json.loads(client.event()["data"])["socket_id"], user)
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        return client

    def test_S79_worker_killed(self) -> None:
        """A worker is killed under 200 connects a second: nobody is refused, only clients that it had are cut off, each
        of its members is told to have left once, and another worker is there in its place."""
        process = self.begin(4)
        members = {f"user-{number}": self.member(f"user-{number}") for number in range(16)}
        watcher = members["user-15"]
        holds = {
            worker.pid: {each.raddr.port for each in worker.net_connections() if each.raddr}
            for worker in self.workers(process.pid)
        }

        def of(pid: int) -> set[str]:
            return {user for user, client in members.items() if client.socket.getsockname()[1] in holds[pid]}

        victim = next(pid for pid in sorted(holds, key=lambda pid: -len(of(pid))) if "user-15" not in of(pid))
        self.assertTrue(of(victim))
        killed_at = float("inf")
        removals: list[tuple[str, float]] = []
        hearing = threading.Thread(target=self.hear, args=(watcher, removals), daemon=True)
        hearing.start()

        def connect(number: int) -> tuple[float, str]:
            began = time.monotonic()
            try:
                with contextlib.closing(WebSocket(self.port)) as client:
                    return began, client.event()["event"]
            except (OSError, AssertionError) as error:
                return began, repr(error)

        with ThreadPoolExecutor(PER_SECOND) as pool:
            begun = time.monotonic()
            asked = []
            for number in range(2 * PER_SECOND):
                time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
                if number == PER_SECOND // 2:
                    psutil.Process(victim).kill()
                    killed_at = time.monotonic()
                asked.append(pool.submit(connect, number))
            outcomes = [each.result() for each in asked]
        failed = [(began, outcome) for began, outcome in outcomes if outcome != "pusher:connection_established"]
        self.assertEqual([outcome for _, outcome in failed if "Refused" in outcome], [])
        self.assertEqual([row for row in failed if row[0] > killed_at], [])

        number = self.number_of(process.output, victim)
        self.again(process, number, 4)
        self.assertLess(self.gap(process.output, number), 2 * SLOW)
        watcher.send({"event": "pusher:ping", "data": {}})
        hearing.join()
        removed = Counter(user for user, _ in removals)
        self.assertEqual(removed, Counter(of(victim)))
        self.assertLess(max(when for _, when in removals) - killed_at, 0.2 * SLOW)
        others = [user for user in members if user not in removed]
        for user in others:
            members[user].send({"event": "pusher:ping", "data": {}})
        self.assertEqual(len(self.workers(process.pid)), 4)
        self.assertIn("was ended by SIGKILL", process.output)
        self.stops(process)

    def number_of(self, log: str, pid: int) -> int:
        """Which worker had this process id."""
        line = next(line for line in log.splitlines() if f"worker_pid={pid}" in line and "is ready" in line)
        return int(line.partition("worker ")[2].partition(" ")[0])

    def gap(self, log: str, number: int) -> float:
        """Seconds from a worker's end until another one served in its place, by the log of their parent."""
        ended = re.findall(rf"^(\S+) .*worker {number} was ended by SIGKILL", log, re.MULTILINE)
        ready = re.findall(rf"^(\S+) .*worker {number} of 4 is ready", log, re.MULTILINE)
        return (datetime.fromisoformat(ready[1]) - datetime.fromisoformat(ended[0])).total_seconds()

    def hear(self, watcher: WebSocket, removals: list[tuple[str, float]]) -> None:
        """Notes who leaves and when, until the answer to a ping: whatever was sent before has come by then."""
        while (event := watcher.event())["event"] != "pusher:pong":
            if event["event"] == "pusher_internal:member_removed":
                removals.append((json.loads(event["data"])["user_id"], time.monotonic()))

    def test_S80_hub_killed(self) -> None:
        """When the hub is killed its workers tell their clients to come back and end, a hanging and a stopped one too."""
        process = self.begin(4, SHUTDOWN_GRACE_PERIOD="4")
        workers = self.workers(process.pid)
        clients = [self.on(worker) for worker in workers]
        self.hang(workers[3])
        workers[2].send_signal(signal.SIGSTOP)
        process.signal(signal.SIGKILL)
        began = time.monotonic()
        for client in clients[:3]:
            self.assertEqual(client.event()["data"]["code"], 4200)
        for worker in workers[:3]:
            eventually("its end", lambda worker=worker: not worker.is_running(), 10.0)
        with contextlib.suppress(ConnectionResetError):
            self.assertIsNone(clients[3].frame())
        eventually("the end of the one that hangs", lambda: not workers[3].is_running(), 10.0)
        self.assertLess(time.monotonic() - began, 12.0)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port))

    def test_S83_worker_hangs(self) -> None:
        """A worker whose reactor stands still is ended within 13 seconds, the log says where it stood, and another one
        takes its place; clients of the others notice nothing."""
        process = self.begin(4)
        workers = self.workers(process.pid)
        client, other = self.on(workers[0]), self.on(workers[1])
        self.hang(workers[0])
        began = time.monotonic()

        def ended() -> bool:
            other.send({"event": "pusher:ping", "data": {}})
            self.assertEqual(other.event()["event"], "pusher:pong")
            return not workers[0].is_running()

        eventually("its end", ended, 13.0)
        self.again(process, 1, 4)
        self.assertGreater(time.monotonic() - began, 9.0)
        self.assertIn("worker 1 has not answered for 10 s", process.output)
        self.assertIn("in here_it_hangs", process.output)
        with contextlib.suppress(ConnectionResetError):
            self.assertIsNone(client.frame())
        self.assertEqual([worker.pid for worker in self.workers(process.pid)][1:], [each.pid for each in workers[1:]])
        self.assertEqual(get(self.port), 200)
        self.stops(process)

    def test_frozen_worker(self) -> None:
        """One that is stopped, and so cannot tell where it is, is ended all the same."""
        process = self.begin(2)
        frozen = self.workers(process.pid)[1]
        frozen.suspend()
        self.again(process, 2, 2)
        self.assertFalse(frozen.is_running())
        self.stops(process)
