"""Metrics of a real process: their port, and what the kernel knows. Cases H-95, H-98, H-99."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

from sockudo_tx.config.default_app import DEMO_APP
from sockudo_tx.testing.signing import signed_target
from tests.http.scrape import read
from tests.integration.launch import SOCKUDO, LaunchCase, eventually, free_port, get


class MetricsCase(LaunchCase):
    """A server with a metrics port that is known."""

    def setUp(self) -> None:
        super().setUp()
        self.metrics = free_port()

    def ask(self, path: str = "/metrics", method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str, str]:
        """Status, content type and body of one request to the metrics port."""
        connection = http.client.HTTPConnection(host, self.metrics, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
        finally:
            connection.close()

    def values(self) -> dict[str, float]:
        return read(self.ask()[2])

    def refused(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.metrics)) != 0


class PortTests(MetricsCase):
    """The listener"""

    def test_H95_port(self) -> None:
        """`/metrics` content type exact, as promtool reads it too; not served on the main port."""
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics)).up(self.port)
        status, kind, page = self.ask()
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertEqual(self.ask("/")[0], 404)
        self.assertEqual(self.ask(method="POST")[0], 405)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        self.assertEqual(connection.getresponse().status, 404)
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed")
        said = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        self.assertEqual(said.returncode, 3, said.stderr)  # 3 is findings, 1 is unreadable

    def test_H95_disabled(self) -> None:
        """Listener absent when disabled."""
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics), METRICS_ENABLED="false").up(self.port)
        self.assertTrue(self.refused())

    def test_H99_port_label(self) -> None:
        """`port` label equals the metrics port; a prefix from the environment applies."""
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics), METRICS_PROMETHEUS_PREFIX="my_").up(self.port)
        self.assertIn(f'my_draining{{port="{self.metrics}"}}', self.values())

    def test_ipv6(self) -> None:
        """The metrics port may be on IPv6."""
        self.metrics = free_port("::1")
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics), METRICS_HOST="::1").up(self.port)
        self.assertEqual(self.ask(host="::1")[0], 200)

    def test_taken(self) -> None:
        """A metrics port that is taken is a warning that names the setting; clients are served."""
        with socket.create_server(("127.0.0.1", self.metrics)):
            process = self.launch(SOCKUDO, METRICS_PORT=str(self.metrics))
            process.up(self.port)
            self.socket()
            self.assertRegex(process.output, r"WARN .*metrics\.port .*METRICS_PORT.* another program listens there")

    def test_port_of_the_clients(self) -> None:
        """Metrics do not take the port that clients come to when both have the same."""
        process = self.launch(SOCKUDO, METRICS_PORT=str(self.port))
        process.up(self.port)
        self.socket()
        self.assertRegex(process.output, r"WARN .*metrics\.port .*There are no metrics; clients are served")

    def test_crowd(self) -> None:
        """Beyond a few dozen connections those that have said nothing for the longest time go; newcomers are answered."""
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics)).up(self.port)
        crowd = [socket.create_connection(("127.0.0.1", self.metrics), timeout=10) for _ in range(40)]
        for one in crowd:
            self.addCleanup(one.close)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(crowd[0].recv(1), b"")
        crowd[39].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(crowd[39].recv(100).startswith(b"HTTP/1.1 200 OK"))

    def test_shutting_down(self) -> None:
        """While the server drains a scraper is told so, on a connection it has."""
        process = self.launch(SOCKUDO, METRICS_PORT=str(self.metrics), SHUTDOWN_GRACE_PERIOD="20")
        process.up(self.port)
        self.socket()  # never answers the Close
        scraper = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        self.addCleanup(scraper.close)

        def page() -> str:
            scraper.request("GET", "/metrics")
            return scraper.getresponse().read().decode()

        self.assertIn(" 0\n", re.findall(r"sockudo_draining\{.*\n", page())[0])
        process.signal(signal.SIGTERM)
        eventually("draining is 1", lambda: " 1\n" in re.findall(r"sockudo_draining\{.*\n", page())[0])
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)


class ProcessTests(MetricsCase):
    """Numbers of a real process."""

    def test_H98_connections(self) -> None:
        """Connections, descriptors and messages are what a client made them; after a reset they are back."""
        process = self.launch(SOCKUDO, METRICS_PORT=str(self.metrics))
        process.up(self.port)
        connected = f'sockudo_connected{{app_id="app-id",port="{self.metrics}"}}'
        before = self.values()
        clients = [self.socket() for _ in range(5)]
        found = self.values()
        self.assertEqual(found[connected], 5)
        self.assertGreaterEqual(found["process_open_fds"] - before["process_open_fds"], 5)
        self.assertGreater(found["process_resident_memory_bytes"], 10_000_000)
        self.assertGreater(found["process_cpu_seconds_total"], 0)
        self.assertGreater(found["process_max_fds"], 100)
        for client in clients:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            client.stream.close()
            client.socket.close()
        eventually("nobody is connected", lambda: self.values()[connected] == 0)

    def test_lag(self) -> None:
        """The event loop's lag is looked at all the time."""
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics)).up(self.port)
        count = f'sockudo_reactor_lag_ms_count{{port="{self.metrics}"}}'
        eventually("two looks", lambda: self.values()[count] >= 2)

    def test_rate_limit(self) -> None:
        """A limit by address is asked and refuses under its own name, for all apps together."""
        limits = {"RATE_LIMITER_ENABLED": "true", "RATE_LIMITER_API_MAX_REQUESTS": "2"}
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics), **limits).up(self.port)
        for status in (401, 401, 429, 429):
            self.assertEqual(get(self.port, "/apps/app-id/channels"), status)
        labels = f'app_id="global",port="{self.metrics}",limiter_type="api_rate_limit",request_context="http_api"'
        found = self.values()
        self.assertEqual(found[f"sockudo_rate_limit_checks_total{{{labels}}}"], 4)
        self.assertEqual(found[f"sockudo_rate_limit_triggered_total{{{labels}}}"], 2)
        calls = found[f'sockudo_http_calls_received_total{{app_id="app-id",port="{self.metrics}"}}']
        self.assertEqual(calls, 4)

    def test_latency(self) -> None:
        """A published event has a latency above zero and below what the call took."""
        self.launch(SOCKUDO, METRICS_PORT=str(self.metrics)).up(self.port)
        client = self.socket()
        client.send({"event": "pusher:subscribe", "data": {"channel": "c"}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        body = b'{"name":"n","channel":"c","data":"d"}'
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        target = signed_target(DEMO_APP, "POST", "/apps/app-id/events", time.time(), body)
        connection.request("POST", target, body)
        self.assertEqual(connection.getresponse().status, 200)
        labels = f'app_id="app-id",port="{self.metrics}",channel_type="public",recipient_count_bucket="xs"'
        found = self.values()
        self.assertEqual(found[f"sockudo_broadcast_latency_ms_count{{{labels}}}"], 1)
        self.assertTrue(0 < found[f"sockudo_broadcast_latency_ms_sum{{{labels}}}"] < 10_000)
