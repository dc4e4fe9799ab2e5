"""Workers that are replaced, given up and drained."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import threading
import time

import psutil

from tests.certificates import self_signed
from tests.integration.hooked import HookedCase
from tests.integration.launch import WebSocket, eventually, get

ONE = {"id": "app-id", "key": "app-key", "secret": "app-secret"}
TWO = {"id": "2", "key": "two", "secret": "hunter2"}


def health(port: int) -> tuple[int, str | None, str]:
    """Status, verdict and body of `/up`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/up")
        answer = connection.getresponse()
        return answer.status, answer.getheader("X-Health-Check"), answer.read().decode()
    finally:
        connection.close()


class ReplacedTests(HookedCase):
    """SIGHUP, and workers that leave by themselves"""

    def apps(self, *apps: dict[str, str], **settings: object) -> str:
        return self.write(json.dumps({"app_manager": {"array": {"apps": list(apps)}}, **settings}))

    def pids(self, pid: int) -> set[int]:
        return {worker.pid for worker in self.workers(pid)}

    def test_S82_reload(self) -> None:
        """SIGHUP replaces every worker, no connect is refused or lost meanwhile, and the new file counts; clients are
        told to come back."""
        process = self.begin(4, "-c", self.apps(ONE))
        before = self.workers(process.pid)
        client = self.on(before[0])
        outcomes: list[str] = []
        over = threading.Event()

        def knock() -> None:
            while not over.is_set():
                try:
                    visitor = WebSocket(self.port)
                    outcomes.append(str((visitor.event())["event"]))
                    visitor.close()
                except (OSError, AssertionError) as error:
                    outcomes.append(repr(error))

        knocking = threading.Thread(target=knock)
        knocking.start()
        try:
            self.apps(ONE, TWO)
            process.signal(signal.SIGHUP)
            eventually("the round", lambda: "all 4 workers were replaced" in process.output, 60.0)
        finally:
            over.set()
            knocking.join()
        self.assertEqual(set(outcomes), {"pusher:connection_established"})
        self.assertEqual(client.event()["data"]["code"], 4200)
        self.assertEqual([worker for worker in before if worker.is_running()], [])
        self.assertEqual(len(self.workers(process.pid)), 4)
        for _ in range(8):
            self.assertEqual(get(self.port, "/up/2"), 200)
        self.assertIn("app 2: not there -> added", process.output)
        self.stops(process)

    def test_who_asks_late(self) -> None:
        """A client whom a worker has accepted, and who asks only when that worker leaves, is served all the same."""
        process = self.begin(2)
        silent = [socket.create_connection(("127.0.0.1", self.port), timeout=10) for _ in range(20)]
        for each in silent:
            self.addCleanup(each.close)
        self.on(self.workers(process.pid)[0])  # what has come before it is accepted too
        self.workers(process.pid)[0].terminate()
        eventually("it leaves", lambda: "server: shutting down" in process.output)
        for each in silent:
            visitor = WebSocket(self.port, connected=each)
            self.addCleanup(visitor.stream.close)
            self.assertEqual(visitor.event()["event"], "pusher:connection_established")
        self.again(process, 1, 2)
        self.stops(process)

    def test_refused_file(self) -> None:
        """A file with mistakes replaces nobody, and a worker that ends afterwards starts with what was accepted."""
        process = self.begin(2, "-c", self.apps(ONE, TWO))
        before = self.pids(process.pid)
        self.write('{"port": "six"}')
        process.signal(signal.SIGHUP)
        eventually("refused", lambda: "configuration not reloaded, the one in use stays" in process.output)
        self.assertEqual(self.pids(process.pid), before)
        self.workers(process.pid)[0].kill()
        self.again(process, 1, 2)
        for _ in range(6):
            self.assertEqual(get(self.port, "/up/2"), 200)
        self.stops(process)

    def test_refused_certificate(self) -> None:
        """A worker that ends while the certificate's file is broken starts with the certificate in use."""
        certified = self_signed(self.folder)
        process = self.begin(
            2, SSL_ENABLED="true", SSL_CERT_PATH=certified.cert, SSL_KEY_PATH=certified.key, SSL_WATCH_INTERVAL_MS="0"
        )
        context = certified.client_context()
        (self.folder / certified.cert).write_text("garbage")
        for worker in self.workers(process.pid):
            worker.kill()
        eventually("two more", lambda: len(re.findall(r"worker \d of 2 is ready", process.output)) == 4)
        self.assertIn("the certificate loaded before stays in use", process.output)
        for _ in range(6):
            client = WebSocket(self.port, context=context)
            self.addCleanup(client.close)
            self.assertEqual(client.event()["event"], "pusher:connection_established")
        self.stops(process)

    def test_new_workers_do_not_start(self) -> None:
        """When the first new worker does not get ready, the round ends there: all go on as they were, old settings too."""
        process = self.begin(2, "-c", self.apps(ONE))
        before = self.pids(process.pid)
        self.breaks(1, 2)
        self.apps(ONE, TWO)
        process.signal(signal.SIGHUP)
        eventually("the end of the round", lambda: "the new worker 1 did not get ready" in process.output)
        self.assertEqual(self.pids(process.pid), before)
        self.mends(1, 2)
        self.workers(process.pid)[0].kill()
        self.again(process, 1, 2)
        for _ in range(6):
            self.assertEqual(get(self.port, "/up/2"), 404)
        process.signal(signal.SIGHUP)
        eventually("the round", lambda: "all 2 workers were replaced" in process.output)
        self.assertEqual(get(self.port, "/up/2"), 200)
        self.stops(process)

    def test_asked_twice(self) -> None:
        """SIGHUP during a round is one more round behind it, with what the file says by then."""
        process = self.begin(2, "-c", self.apps(ONE))
        process.signal(signal.SIGHUP)
        eventually("the round has begun", lambda: process.output.count("configuration reloaded") == 1)
        self.apps(ONE, TWO)
        process.signal(signal.SIGHUP)
        eventually("two rounds", lambda: process.output.count("all 2 workers were replaced") == 2)
        for _ in range(4):
            self.assertEqual(get(self.port, "/up/2"), 200)
        self.stops(process)

    def test_worker_that_is_told_to_end(self) -> None:
        """SIGTERM to a worker drains that one: its clients are told to come back, another one takes its place, and the
        clients of the others stay."""
        process = self.begin(2)
        leaver, other = self.workers(process.pid)
        client, stays = self.on(leaver), self.on(other)
        leaver.terminate()
        self.assertEqual(client.event()["data"]["code"], 4200)
        self.again(process, 1, 2)
        eventually("its end", lambda: not leaver.is_running())
        stays.send({"event": "pusher:ping", "data": {}})
        self.assertEqual(stays.event()["event"], "pusher:pong")
        self.stops(process)

    def test_signals_of_a_terminal(self) -> None:
        """SIGINT and SIGHUP, which a terminal sends to all its processes, are for the hub: workers pass over them."""
        process = self.begin(2)
        workers = self.workers(process.pid)
        clients = [self.on(worker) for worker in workers]
        for worker in workers:
            worker.send_signal(signal.SIGHUP)
            worker.send_signal(signal.SIGINT)
        for client in clients:
            client.send({"event": "pusher:ping", "data": {}})
            self.assertEqual(client.event()["event"], "pusher:pong")
        workers[0].kill()
        started = eventually("another one", lambda: set(self.workers(process.pid)) - set(workers)).pop()
        started.send_signal(signal.SIGINT)  # before it can know of it
        self.again(process, 1, 2)
        self.assertTrue(started.is_running())
        self.stops(process)


class GivenUpTests(HookedCase):
    """Workers that cannot go on"""

    def test_one_keeps_ending(self) -> None:
        """A slot whose workers keep ending is left empty: `/up` names it, and the others serve all clients. SIGHUP
        tries it again."""
        process = self.begin(2)
        self.breaks(2)
        self.workers(process.pid)[1].kill()
        eventually("given up", lambda: "worker 2 keeps ending and is not started again" in process.output)
        for _ in range(6):
            status, verdict, body = health(self.port)
            self.assertEqual((status, verdict), (200, "DEGRADED"))
            self.assertIn("workers: worker 2 of 2 keeps ending, see the log", body)
        self.assertIn("this machine is broken", process.output)
        self.mends(2)
        process.signal(signal.SIGHUP)
        eventually("the round", lambda: "all 2 workers were replaced" in process.output)
        eventually("healthy", lambda: health(self.port)[1] == "OK")
        self.stops(process)

    def test_all_keep_ending(self) -> None:
        """When every slot was given up the server ends, with status 1: whoever started it shall see it."""
        process = self.begin(2)
        self.breaks(1, 2)
        for worker in self.workers(process.pid):
            worker.kill()
        self.assertEqual(process.status(30.0), 1)
        self.assertIn("every worker keeps ending", process.output)

    def test_none_starts(self) -> None:
        """When not even the first workers start the server ends at once, with status 1 and what they said."""
        self.breaks(1, 2)
        process = self.start(2)
        self.assertEqual(process.status(), 1)
        self.assertRegex(process.output, "no worker could be started: .*this machine is broken")


class DrainedTests(HookedCase):
    """SIGTERM to the hub"""

    def test_with_clients(self) -> None:
        """All workers tell their clients to come back; nobody else is taken; status 0 and no process left."""
        process = self.begin(2)
        clients = [self.on(worker) for worker in self.workers(process.pid)]
        output = self.stops(process)
        for client in clients:
            self.assertEqual(client.event()["data"]["code"], 4200)
        self.assertNotIn("not all was done in time", output)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port))

    def test_second_signal(self) -> None:
        """A second signal ends the waiting."""
        process = self.begin(2, SHUTDOWN_GRACE_PERIOD="100", SHUTDOWN_DRAIN_MS="50000")
        process.signal(signal.SIGTERM)
        eventually("draining", lambda: process.output.count("shutting down") == 3)
        self.assertEqual(health(self.port)[:2], (503, "DRAINING"))
        self.assertEqual(self.stops(process).count("Traceback"), 0)

    def test_worker_that_hangs(self) -> None:
        """One that hangs does not hold up the end beyond the grace period."""
        process = self.begin(2, SHUTDOWN_GRACE_PERIOD="2")
        self.hang(self.workers(process.pid)[0])
        time.sleep(0.1)  # the signal has to be there first
        output = self.stops(process)
        self.assertIn("not all was done in time", output)

    def test_S85_one_worker(self) -> None:
        """With one worker there is no other process, and clients see the same server."""
        process = self.launch(*self.command("1"))
        process.up(self.port)
        self.assertEqual(psutil.Process(process.pid).children(recursive=True), [])
        client = self.socket()
        client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        process.signal(signal.SIGTERM)
        self.assertEqual(client.event()["data"]["code"], 4200)
        self.assertEqual(process.status(), 0)
        self.assertNotIn("sockudo.hub", process.output)

    def command(self, workers: str) -> tuple[str, ...]:
        from tests.integration.launch import SOCKUDO

        return SOCKUDO, "run", "--workers", workers
