"""A server as it is operated: `sockudo run` with so many workers, and what all of its processes cost together."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from sockudo_tx.bench.processes import family, read

from .process import ROOT, ChildError

__all__ = ["WholeServer", "owner"]

_PATIENCE = 60.0


class WholeServer:
    """Stands where a `Child` does, as far as a `Fanout` asks."""

    def __init__(self, workers: int, **variables: str) -> None:
        self.name = "one process" if workers == 1 else f"{workers} workers"
        self.workers = workers
        self.port = 0
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None
        return self._process.pid

    @property
    def pids(self) -> list[int]:
        """It and its workers."""
        return family(self.pid)

    def cpu(self) -> int:
        """Nanoseconds on a processor so far, all processes."""
        found = read(self.pids)
        if found is None:
            raise ChildError(f"{self.name}: the server has ended")
        return found.cpu_ns

    def resident(self) -> int:
        """Bytes of resident memory, all processes; what they share counts in each."""
        found = read(self.pids)
        assert found is not None
        return found.rss

    def settled(self, patience: float = 2.0) -> int:
        """`cpu` once all have come to rest."""
        end = time.monotonic() + patience
        last = self.cpu()
        while time.monotonic() < end:
            time.sleep(0.002)
            now = self.cpu()
            if now == last:
                break
            last = now
        return last

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "METRICS_ENABLED": "false",
            "SOCKUDO_WORKERS": str(self.workers),
            "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS": "0",
            "WEBSOCKET_AUTO_PING": "false",  # they would count as deliveries
            **self._variables,
        }
        command = [sys.executable, "-m", "sockudo_tx", "run"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            self._await()
        except BaseException:
            self._end()
            raise
        return self

    def _await(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise ChildError(f"{self.name}: the server ended with status {self._process.returncode}")
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{self.port}/up", timeout=5) as answer:
                if answer.status == 200 and answer.read() == b"OK":
                    self._rest()
                    return
            time.sleep(0.05)
        raise ChildError(f"{self.name}: the server does not answer")

    def _rest(self) -> None:
        """All workers are there, and have made what they make at the start."""
        end = time.monotonic() + _PATIENCE
        wanted = 1 if self.workers == 1 else 1 + self.workers
        while len(self.pids) < wanted and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1.0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def owner(peer: socket.socket, pids: list[int]) -> int | None:
    """Which of these processes has the other end of a loopback connection."""
    ours, theirs = peer.getsockname()[1], peer.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == theirs and int(fields[2].rpartition(":")[2], 16) == ours:
            wanted = f"socket:[{fields[9]}]"
            for pid in pids:
                for entry in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(OSError):  # closed meanwhile
                        if os.readlink(entry) == wanted:
                            return pid
    return None
