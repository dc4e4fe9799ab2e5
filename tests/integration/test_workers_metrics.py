"""Several workers told of as one: metrics, totals, health. Case S-84, and H-73 and H-74 with a hub that stands still."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time

import psutil

from tests.integration.launch import eventually
from tests.integration.several import CLIENTS, WORKERS, WorkersCase


class MetricsTests(WorkersCase):
    """The metrics port of the hub"""

    def test_S84_sums(self) -> None:
        """It tells of all workers together what clients did, and of each what it has."""
        self.crowd()
        self.assertEqual(self.publish(), 200)
        for client in self.clients:
            self.assertEqual(client.event()["event"], "n")
        values = self.values()
        self.assertEqual(self.of_app(values, "connected"), CLIENTS)
        self.assertEqual(self.of_app(values, "new_connections_total"), CLIENTS)
        self.assertEqual(self.of_app(values, "ws_messages_received_total"), CLIENTS)
        self.assertEqual(self.of_app(values, "ws_messages_sent_total"), 3 * CLIENTS)
        self.assertEqual(self.of_app(values, "http_calls_received_total"), 1)
        each = [values[self.name("worker_connections", worker=str(number + 1))] for number in range(WORKERS)]
        self.assertEqual(sum(each), CLIENTS)
        self.assertTrue(all(each), each)
        self.assertEqual(values[self.name("workers")], WORKERS)
        self.assertEqual(values[self.name("worker_restarts_total")], 0)
        for worker in ("1", "2", "3", "hub"):
            self.assertGreater(values[self.name("worker_resident_memory_bytes", worker=worker)], 10_000_000)
        started = psutil.Process(self.hub.pid).create_time()
        self.assertAlmostEqual(values["process_start_time_seconds"], started, delta=1)
        self.assertEqual(values[self.name("cluster_nodes")], WORKERS)
        self.assertEqual(values[self.name("bus_up")], 1)
        self.assertGreaterEqual(values[self.name("bus_received_total")], WORKERS - 1)

    def test_S84_killed(self) -> None:
        """What a worker has counted stays when it is killed; its connections are gone, and another takes its place."""
        self.crowd()
        before = self.values()
        os.kill(self.workers()[0], signal.SIGKILL)
        after = eventually(
            "the next worker",
            lambda: (
                (now := self.values())[self.name("worker_restarts_total")] == 1
                and now[self.name("workers_ready")] == WORKERS
                and now
            ),
        )
        for family in ("new_connections_total", "ws_messages_sent_total", "socket_transmitted_bytes"):
            self.assertGreaterEqual(self.of_app(after, family), self.of_app(before, family), family)
        self.assertGreater(after["process_cpu_seconds_total"], before["process_cpu_seconds_total"])
        self.assertEqual(self.of_app(after, "new_connections_total"), CLIENTS)
        self.assertLess(self.of_app(after, "connected"), CLIENTS)
        self.assertEqual(after[self.name("node_reaped_total")], 1)

    def test_S84_hanging(self) -> None:
        """A scrape waits a second at most for a worker that stands still, and its counts stay as they were."""
        self.crowd()
        before = self.values()
        with self.standing_still(self.workers()[0]):
            began = time.monotonic()
            values = self.values()
            self.assertLess(time.monotonic() - began, 5)
        for family in ("connected", "new_connections_total", "ws_messages_sent_total"):
            self.assertEqual(self.of_app(values, family), self.of_app(before, family), family)
        up = [values[self.name("worker_up", worker=str(number + 1))] for number in range(WORKERS)]
        self.assertEqual(sorted(up), [0, 1, 1])

    def test_S84_replaced(self) -> None:
        """Nothing of what workers counted is missing after all were replaced, whenever the last scrape was."""
        self.values()
        self.crowd()
        self.publish()
        old = set(self.workers())
        self.hub.signal(signal.SIGHUP)
        for client in self.clients:  # told to come back, and gone
            client.close()
        eventually("the others", lambda: len(new := set(self.workers())) == WORKERS and not new & old, 60)
        values = self.values()
        self.assertEqual(self.of_app(values, "new_connections_total"), CLIENTS)
        self.assertEqual(self.of_app(values, "new_disconnections_total"), CLIENTS)
        self.assertEqual(self.of_app(values, "connected"), 0)
        self.assertEqual(values[self.name("worker_restarts_total")], 0)
        self.assertEqual(re.findall(r"Traceback", self.hub.output), [])


class TotalsTests(WorkersCase):
    """`/stats`"""

    def test_all(self) -> None:
        """Connections and subscriptions of all workers; a channel that is on all of them is one."""
        self.crowd()
        answer, text = self.get("/stats")
        self.assertIsNone(answer.getheader("X-Sockudo-Partial"))
        totals = json.loads(text)["totals"]
        self.assertEqual((totals["apps"], totals["connections"]), (1, CLIENTS))
        self.assertEqual((totals["occupancy"]["channels"], totals["occupancy"]["subscriptions"]), (1, CLIENTS))

    def test_partial(self) -> None:
        """While a worker stands still the answer says that something is missing."""
        self.crowd(10)
        pid = self.workers()[0]
        with self.standing_still(pid):
            answer, text = self.answered_by_others("/stats")
            self.assertEqual(answer.getheader("X-Sockudo-Partial"), "1")
            self.assertLess(json.loads(text)["totals"]["connections"], 11)

    def answered_by_others(self, path: str) -> tuple[http.client.HTTPResponse, str]:
        """The kernel may choose the worker that stands still."""
        for _ in range(30):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer, answer.read().decode()
            except TimeoutError:
                continue
            finally:
                connection.close()
        raise AssertionError("nobody answers")


class FrozenHubTests(WorkersCase):
    """The hub stands still"""

    def test_H73_union(self) -> None:
        """While it does not, whoever is asked counts the clients of all workers."""
        self.crowd()
        expected = {"occupied": True, "subscription_count": CLIENTS}

        def counted() -> bool:  # others learn of it within a tenth of a second
            return bool(json.loads(self.get("/channels/news", info="subscription_count")[1]) == expected)

        eventually("everybody is counted", counted, 5)
        for _ in range(6):
            answer, text = self.get("/channels/news", info="subscription_count")
            self.assertEqual(json.loads(text), expected)
            self.assertIsNone(answer.getheader("X-Sockudo-Partial"))

    def test_H74_partial(self) -> None:
        """Reading calls are answered by one worker alone and say so; health is DEGRADED; clients are served."""
        self.crowd()
        with self.standing_still(self.hub.pid):
            began = time.monotonic()
            answer, text = self.get("/channels/news", info="subscription_count")
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual((answer.status, answer.getheader("X-Sockudo-Partial")), (200, "1"))
            found = json.loads(text)
            self.assertIs(found["subscription_count_complete"], False)
            self.assertLess(found["subscription_count"], CLIENTS)

            answer, text = self.get("/up")
            self.assertEqual((answer.status, text.splitlines()[0]), (200, "DEGRADED"))
            self.assertIn("adapter: not answering", text)

            answer, text = self.get("/stats")
            self.assertEqual((answer.status, answer.getheader("X-Sockudo-Partial")), (200, "1"))

            self.assertEqual(self.publish(), 200)
            self.clients[0].send({"event": "pusher:ping", "data": {}})
            self.assertIn(self.clients[0].event()["event"], ("pusher:pong", "n"))
        eventually("health", lambda: self.get("/up")[1] == "OK")
        eventually("everything", lambda: self.get("/channels/news")[0].getheader("X-Sockudo-Partial") is None)
