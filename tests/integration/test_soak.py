"""The server under load for a while: nothing lost, nothing kept."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import psutil
import pytest

from tests.integration.launch import SOCKUDO, LaunchCase, WebSocket, environment, eventually

SECONDS = int(os.environ.get("SOAK_SECONDS", "20"))


class LoadTests(LaunchCase):
    """`sockudo bench` against a live server."""

    def bench(self, *arguments: str) -> dict[str, Any]:
        """One load; its report. The command fails when anything was lost."""
        command = [SOCKUDO, "bench", "fanout", "--json", "--url", f"http://127.0.0.1:{self.port}", *arguments]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def server(self) -> psutil.Process:
        """The server's process, with a quota that lets a load in."""
        apps = [{"id": "app-id", "key": "app-key", "secret": "app-secret", "max_connections": 0}]
        name = self.config(app_manager={"array": {"apps": apps}})
        process = self.launch(SOCKUDO, "-c", name)
        process.up(self.port)
        return psutil.Process(process.pid)

    def test_bench_reports_what_it_did(self) -> None:
        """`sockudo bench` subscribes, publishes signed events, and counts every delivery."""
        self.server()
        run = self.bench("--connections", "20", "--channels", "3", "--rate", "30", "--duration", "1", "--warmup", "0")
        figures = run["figures"]
        self.assertEqual((figures["published"], figures["lost"], figures["expected"]), (30, 0, figures["delivered"]))
        self.assertGreater(figures["p99_ms"], 0)

    def test_bench_without_a_server(self) -> None:
        """Without a server, or with the wrong key, the command says so and ends with 1."""
        status, output = self.run_to_end(SOCKUDO, "bench", "fanout", "--url", f"http://127.0.0.1:{self.port}")
        self.assertEqual((status, "Is the server running" in output, "Traceback" in output), (1, True, False))
        self.server()
        status, output = self.run_to_end(
            SOCKUDO, "bench", "fanout", "--url", f"http://127.0.0.1:{self.port}", "--app-key", "wrong"
        )
        self.assertEqual((status, "--app-key" in output, "Traceback" in output), (1, True, False))

    @pytest.mark.long
    @pytest.mark.timeout(SECONDS * 4 + 120)
    def test_soak(self) -> None:
        """Under steady load no event is lost; afterwards memory, descriptors and processor time are back."""
        server = self.server()
        load = ("--connections", "300", "--channels", "3", "--rate", "60")
        self.bench(*load, "--duration", "3")  # warm: caches and pools have their size
        descriptors, memory = server.num_fds(), server.memory_info().rss
        rounds = 3
        for _ in range(rounds):
            for _ in range(100):  # clients that come and vanish without a word
                WebSocket(self.port).close()
            self.bench(*load, "--duration", str(SECONDS / rounds))
        eventually("descriptors are closed", lambda: server.num_fds() <= descriptors)
        grown = server.memory_info().rss - memory
        self.assertLess(grown, 8 * 1024 * 1024, f"{grown} bytes more than before")
        busy = server.cpu_percent(interval=1.0)
        self.assertLess(busy, 5.0, f"{busy} % of a processor while idle")
