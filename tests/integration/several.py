"""What every test of several workers starts from."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping

import psutil

from sockudo_tx.config.default_app import DEMO_APP
from sockudo_tx.testing.signing import signed_target
from tests.http.scrape import read
from tests.integration.launch import TWISTD, LaunchCase, Process, WebSocket, eventually, free_port

__all__ = ["CLIENTS", "WORKERS", "WorkersCase"]

WORKERS = 3
CLIENTS = 30
"""Enough for every worker to have some."""


class WorkersCase(LaunchCase):
    """A server with three workers. `settings` are variables of its environment, `options` of its command line."""

    settings: Mapping[str, str] = {}
    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.metrics = free_port()
        self.hub = self.start()
        self.clients: list[WebSocket] = []
        eventually("all workers", lambda: self.values()[self.name("workers_ready")] == WORKERS)

    def start(self) -> Process:
        hub = self.launch(
            TWISTD,
            "-n",
            "sockudo",
            *self.options,
            SOCKUDO_WORKERS=str(WORKERS),
            METRICS_PORT=str(self.metrics),
            passed=(),
            **self.settings,
        )
        hub.up(self.port)
        return hub

    def crowd(self, size: int = CLIENTS) -> None:
        """So many more clients, in one channel."""
        for _ in range(size):
            client = self.socket()
            client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
            self.assertIn("succeeded", client.event()["event"])
            self.clients.append(client)

    def socket(self) -> WebSocket:
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        return client

    def get(self, path: str, **query: str) -> tuple[http.client.HTTPResponse, str]:
        """A signed reading call below the app, or any path that is not signed."""
        return self.call("GET", path, b"", query)

    def publish(self, channel: str = "news") -> int:
        event = json.dumps({"name": "n", "channels": [channel], "data": "d"}).encode()
        return self.call("POST", "/events", event, {})[0].status

    def call(self, method: str, path: str, body: bytes, query: dict[str, str]) -> tuple[http.client.HTTPResponse, str]:
        target = path
        if path not in ("/up", "/stats", "/usage"):
            target = signed_target(DEMO_APP, method, f"/apps/{DEMO_APP.id}{path}", time.time(), body, query)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request(method, target, body)
        answer = connection.getresponse()
        return answer, answer.read().decode()

    def values(self) -> dict[str, float]:
        """What a scrape gets."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        return read(connection.getresponse().read().decode())

    def name(self, family: str, **labels: str) -> str:
        labels["port"] = str(self.metrics)
        order = ("app_id", "port", "worker", "channel_type", "reason")
        pairs = ",".join(f'{label}="{labels[label]}"' for label in order if label in labels)
        return f"sockudo_{family}{{{pairs}}}"

    def of_app(self, values: dict[str, float], family: str) -> float:
        return values.get(self.name(family, app_id=DEMO_APP.id), 0)

    def workers(self) -> list[int]:
        """Their process ids."""
        found = []
        for child in psutil.Process(self.hub.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                if child.status() != psutil.STATUS_ZOMBIE:
                    found.append(child.pid)
        return found

    @contextlib.contextmanager
    def standing_still(self, pid: int) -> Iterator[None]:
        """The process does nothing meanwhile."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
