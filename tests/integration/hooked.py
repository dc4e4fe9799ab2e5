"""Servers with workers whose interpreters do as a test asks: hang at SIGUSR2, or end as soon as they start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from tests.integration.launch import TWISTD, Process, WebSocket, eventually
from tests.integration.test_workers_start import WorkersCase

__all__ = ["HookedCase"]

_HOOKS = """
import os, signal, sys, time

here = os.path.dirname(__file__)
if "sockudo_tx.worker" in sys.orig_argv:
    if os.path.exists(os.path.join(here, "broken-" + sys.orig_argv[-1].partition("/")[0])):
        print("this machine is broken", file=sys.stderr)
        sys.stderr.flush()
        os._exit(7)

    def here_it_hangs(number, frame):
        time.sleep(120)

    signal.signal(signal.SIGUSR2, here_it_hangs)
"""


class HookedCase(WorkersCase):
    """Each test may have workers hang, or not start"""

    def setUp(self) -> None:
        super().setUp()
        self.hooks = self.folder / "hooks"
        self.hooks.mkdir()
        (self.hooks / "sitecustomize.py").write_text(_HOOKS)

    def begin(self, workers: int, *arguments: str, **variables: str) -> Process:
        """Starts a server of this many; returns when all of them are ready."""
        process = self.start(workers, *arguments, **variables)
        self.all_ready(process, workers)
        self.addCleanup(self.end_all, self.workers(process.pid))
        return process

    def start(self, workers: int, *arguments: str, **variables: str) -> Process:
        """Starts it."""
        command = (TWISTD, "-n", "--pidfile=", "sockudo", f"--workers={workers}", *arguments)
        return self.launch(*command, PYTHONPATH=str(self.hooks), **variables)

    def end_all(self, workers: list[psutil.Process]) -> None:
        for worker in workers:
            if worker.is_running():
                worker.kill()

    def breaks(self, *numbers: int) -> None:
        """From now on these workers end when they start."""
        for number in numbers:
            (self.hooks / f"broken-{number}").touch()

    def mends(self, *numbers: int) -> None:
        """From now on they start again."""
        for number in numbers:
            (self.hooks / f"broken-{number}").unlink()

    def on(self, worker: psutil.Process) -> WebSocket:
        """A client of this worker. The kernel chooses, so it may take some."""

        def found() -> WebSocket | None:
            client = self.socket()
            return client if _port_of(client) in _peers(worker) else None

        client: WebSocket = eventually("a client of this worker", found)
        return client

    def hang(self, worker: psutil.Process) -> None:
        """Its reactor stands still from now on."""
        os.kill(worker.pid, signal.SIGUSR2)

    def again(self, process: Process, number: int, workers: int, times: int = 2) -> None:
        """Returns when this worker has been ready so often."""
        eventually("ready again", lambda: process.output.count(f"worker {number} of {workers} is ready") >= times)

    def write(self, text: str) -> str:
        """Writes the configuration file; its name."""
        Path(self.folder / "test.json").write_text(text)
        return "test.json"


def _port_of(client: WebSocket) -> int:
    port: int = client.socket.getsockname()[1]
    return port


def _peers(worker: psutil.Process) -> set[int]:
    return {each.raddr.port for each in worker.net_connections("tcp") if each.raddr}
