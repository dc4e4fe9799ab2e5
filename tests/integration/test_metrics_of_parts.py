"""Metrics of what only some servers have: TLS, a reload, a socket passed by systemd."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import sys
from pathlib import Path

from cryptography import x509

from tests.http.scrape import read
from tests.integration.launch import SOCKUDO, eventually, free_port
from tests.integration.secure import TlsCase


class MoreTests(TlsCase):
    """One server each"""

    def setUp(self) -> None:
        super().setUp()
        self.metrics = free_port()

    def values(self) -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        try:
            connection.request("GET", "/metrics")
            return read(connection.getresponse().read().decode())
        finally:
            connection.close()

    def value(self, name: str, labels: str = "") -> float | None:
        return self.values().get(f'sockudo_{name}{{port="{self.metrics}"{labels}}}')

    def test_tls(self) -> None:
        """The end of the certificate as it is in the file; handshakes, and those that fail."""
        self.serve(METRICS_PORT=str(self.metrics))
        certificate = x509.load_pem_x509_certificate(Path(self.files[0]).read_bytes())
        ends = certificate.not_valid_after_utc.timestamp()
        self.assertEqual(self.value("certificate_expiry_timestamp_seconds"), ends)
        full = self.value("tls_handshakes_total", ',result="full"') or 0
        self.subscriber()
        self.assertEqual(self.value("tls_handshakes_total", ',result="full"'), full + 1)
        with self.assertRaises(ssl.SSLError):
            self.secure(ssl.create_default_context())
        eventually("a failure is counted", lambda: self.value("tls_handshakes_total", ',result="failed"'))

    def test_reload(self) -> None:
        """Reloads that were done and refused, and what came of the last one."""
        written = {"app_manager": {"array": {"apps": [{"id": "1", "key": "one", "secret": "s"}]}}}
        name = self.config(**written)
        process = self.launch(SOCKUDO, "-c", name, METRICS_PORT=str(self.metrics))
        process.up(self.port)
        self.assertIsNone(self.value("config_last_reload_successful"))
        process.signal(signal.SIGHUP)
        eventually("a reload", lambda: self.value("config_last_reload_successful") == 1)
        self.assertEqual(self.value("config_reloads_total", ',result="done"'), 1)
        (self.folder / name).write_text(json.dumps({**written, "port": "no number"}))
        process.signal(signal.SIGHUP)
        eventually("a refused reload", lambda: self.value("config_last_reload_successful") == 0)
        self.assertEqual(self.value("config_reloads_total", ',result="refused"'), 1)
        self.assertGreater(self.value("config_last_reload_timestamp_seconds") or 0, 1_600_000_000)

    def test_passed_socket(self) -> None:
        """A socket that systemd passes as `metrics` is used instead of the port."""
        listening = socket.create_server(("127.0.0.1", self.metrics))
        self.addCleanup(listening.close)
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True); os.environ['LISTEN_PID'] = str(os.getpid());"
            "os.execv(sys.argv[2], sys.argv[2:])"
        )
        number = listening.fileno()
        process = self.launch(
            sys.executable,
            "-c",
            script,
            str(number),
            SOCKUDO,
            passed=(number,),
            LISTEN_FDS="1",
            LISTEN_FDNAMES="metrics",
            METRICS_PORT="1",
        )
        process.up(self.port)
        self.assertEqual(self.value("draining"), 0)
