"""A server as it is operated: `sockudo run` with so many workers, and what all of its processes cost together."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sockudo_tx.bench.own_server import OwnServer
from sockudo_tx.bench.processes import family, read
from sockudo_tx.bench.target import Target, TargetError

from .client import APP_ID, KEY, SECRET
from .process import ROOT, ChildError

__all__ = ["WholeServer", "owner"]

_REST = 1.0
"""Seconds for what workers make at their start."""


class WholeServer:
    """Stands where a `Child` does, as far as a `Fanout` asks."""

    def __init__(self, workers: int, **variables: str) -> None:
        self.name = "one process" if workers == 1 else f"{workers} workers"
        self.workers = workers
        self.port = 0
        self._variables = variables
        self._server: OwnServer | None = None

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._server is not None
        return self._server.pid

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
        address = ("127.0.0.1", self.port)
        target = Target(host=address[0], port=self.port, app_id=APP_ID, key=KEY, secret=SECRET, address=address)
        # this tree's server, wherever another one is installed; pings would count as deliveries
        variables = {"PYTHONPATH": str(ROOT), "WEBSOCKET_AUTO_PING": "false", **self._variables}
        self._server = OwnServer(self.workers, target, **variables)
        try:
            self._server.__enter__()
        except TargetError as error:
            raise ChildError(f"{self.name}: {error}") from error
        time.sleep(_REST)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.__exit__(kind, error, trace)


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
