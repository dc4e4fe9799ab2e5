"""One `twistd sockudo` with workers: they share a port, and the hub is what they share besides."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import time
import urllib.request
from typing import Any

import psutil

from tests.integration.launch import TWISTD, Process, environment, free_port

from .fleet import Fleet, Node
from .owners import owners

__all__ = ["HubFleet"]

_BATCH = 12
_PATIENCE = 10.0
_METRIC = re.compile(r"^(\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)


class HubFleet(Fleet):
    """The nodes are the workers, in the order of their start."""

    name = "hub"

    _process: Process
    _port: int
    _metrics: int

    def start(self, nodes: int = 3, **settings: Any) -> None:
        self._port, self._metrics = free_port(), free_port()
        (self.folder / "fleet.json").write_text(json.dumps(self.settings(**settings)))
        variables = environment(
            PORT=str(self._port), METRICS_PORT=str(self._metrics), SOCKUDO_WORKERS=str(nodes), LOG_LEVEL="info"
        )
        self._process = Process([TWISTD, "-n", "sockudo", "-c", "fleet.json"], self.folder, variables)
        self._spare: dict[int, list[socket.socket]] = {}
        self._process.up(self._port)
        self.pump.until("all workers", lambda: len(self._workers()) == nodes)
        self.nodes = [Node(self, "ABCDEFGH"[index], pid) for index, pid in enumerate(self._workers())]
        for each in self.nodes:
            self._accepting(each)

    def stop(self) -> None:
        left = self._workers()
        self._process.kill()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for spare in self._spare.values():
            for sock in spare:
                sock.close()

    def reach(self, node: Node) -> socket.socket:
        """The kernel chooses the worker, so connections are made until it has chosen this one. Others are kept."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            spare = self._spare.get(node.pid, [])
            if spare:
                return spare.pop()
            self._gather()
        raise AssertionError(f"worker {node.name} ({node.pid}) accepts nothing:\n{self._process.output[-4000:]}")

    def anywhere(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port))

    def restore(self, node: Node) -> None:
        self.pump.until("the old worker's end", lambda: not node.runs)
        node.hang_up()
        known = {each.pid for each in self.nodes}
        (node.pid,) = self.pump.until("a new worker", lambda: [pid for pid in self._workers() if pid not in known])
        self._accepting(node)

    def roll(self) -> None:
        old = {each.pid for each in self.nodes}
        os.kill(self._process.pid, signal.SIGHUP)
        self.pump.until("new workers", lambda: len(new := self._workers()) == len(old) and not old & set(new), 60)
        for node, pid in zip(self.nodes, self._workers(), strict=True):
            node.hang_up()
            node.pid = pid
            self._accepting(node)

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found = [float(value) for each, value in _METRIC.findall(text) if each == name]
        assert found, f"no metric {name}"
        return sum(found)

    def suspend(self, seconds: float) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            self.pump.rest(seconds)
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def _workers(self) -> list[int]:
        """Processes of the workers, oldest first."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "sockudo_tx.worker" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                        found.append((child.create_time(), child.pid))
        return [pid for _, pid in sorted(found)]

    def _accepting(self, node: Node) -> None:
        sock = self.reach(node)
        self._spare.setdefault(node.pid, []).append(sock)

    def _gather(self) -> None:
        """More connections, each put where it has been accepted; those that nobody accepts in time are closed."""
        made = [self.anywhere() for _ in range(_BATCH)]
        deadline = time.monotonic() + 0.25
        while made and time.monotonic() < deadline:
            for sock, pid in owners(made, [each.pid for each in self.nodes]).items():
                made.remove(sock)
                self._spare.setdefault(pid, []).append(sock)
            time.sleep(0.001)
        for sock in made:
            sock.close()
