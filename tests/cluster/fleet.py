"""Some real servers that are one: what every driver's harness offers, so that the cases are written once.

A driver is one class below `Fleet` and its place in `drivers.py`.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .apps import APPS, MAIN, Account
from .backend import Backend
from .client import Client
from .pump import Pump
from .sink import Sink

__all__ = ["GRACE", "LATE", "SLACK", "Fleet", "Node"]

GRACE = 0.3
"""Seconds until an absence is told to webhooks."""
SLACK = 5.0
"""How many times longer than on an idle machine something may take on one that is busy with other tests."""
LATE = 3.0
"""Seconds for which what was to happen once must not happen again (scaling.md 18)."""


class Node:
    """A server process that owns connections."""

    def __init__(self, fleet: Fleet, name: str, pid: int) -> None:
        self.fleet = fleet
        self.name = name
        self.pid = pid
        self._backends: dict[str, Backend] = {}

    def begin(self, app: Account = MAIN) -> Client:
        """A client that has asked for its connection."""
        client = Client(self.fleet.pump, self.fleet.reach(self), app)
        self.fleet.clients.append(client)
        return client

    def connect(self, app: Account = MAIN) -> Client:
        """A client whose connection is established."""
        return self.begin(app).established()

    def crowd(self, number: int, app: Account = MAIN) -> list[Client]:
        """So many of them."""
        clients = [self.begin(app) for _ in range(number)]
        return [each.established() for each in clients]

    def api(self, app: Account = MAIN) -> Backend:
        """A backend that calls this node, always the same while it lives."""
        found = self._backends.get(app.id)
        if found is None or not found.open:
            found = self._backends[app.id] = Backend(self.fleet.pump, self.fleet.reach(self), app)
        return found

    def kill(self) -> float:
        """SIGKILL; when that was."""
        os.kill(self.pid, signal.SIGKILL)
        return time.monotonic()

    def terminate(self) -> float:
        """SIGTERM; when that was."""
        os.kill(self.pid, signal.SIGTERM)
        return time.monotonic()

    def freeze(self) -> None:
        """Stops it, so that it keeps everything and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether the process is there and no zombie."""
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] not in "ZX"

    def hang_up(self) -> None:
        """Of this side."""
        for each in self._backends.values():
            each.hang_up()
        self._backends.clear()


class Fleet:
    """Nodes of one cluster, a receiver of their webhooks, and everybody who talks to them."""

    name = ""
    """In the names of tests."""
    removal = (0.0, 0.2)
    """Seconds after a SIGKILL in which others are told of its members: no sooner, no later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pump = Pump()
        self.sink = Sink(self.pump)
        self.clients: list[Client] = []
        self.backends: list[Backend] = []
        self.nodes: list[Node] = []
        self._promises: list[tuple[float, Callable[[], None]]] = []

    # -------------------------------------------------------------------------------------------- for every driver

    def start(self, nodes: int = 3, **settings: Any) -> None:
        """Starts them with these settings beside `settings()`; all are ready."""
        raise NotImplementedError

    def stop(self) -> None:
        """Leaves no process behind."""
        raise NotImplementedError

    def reach(self, node: Node) -> socket.socket:
        """A new TCP connection that this node has accepted, or will accept and no other."""
        raise NotImplementedError

    def anywhere(self) -> socket.socket:
        """A new TCP connection to any node, so that many of them are spread evenly."""
        raise NotImplementedError

    def restore(self, node: Node) -> None:
        """Returns when a node that was ended is there again and ready, as a new process."""
        raise NotImplementedError

    def roll(self) -> None:
        """Replaces all processes, one at a time, with no time in which the cluster is not there."""
        raise NotImplementedError

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels and over the nodes."""
        raise NotImplementedError

    def suspend(self, seconds: float) -> None:
        """What the nodes share is not there for so long, and no process ends. Goes on meanwhile."""
        raise NotImplementedError

    # -------------------------------------------------------------------------------------------------- for the cases

    def settings(self, **more: Any) -> dict[str, Any]:
        """A configuration file's content."""
        return {
            "app_manager": {"array": {"apps": [each.configured(self.sink.url) for each in APPS]}},
            "webhooks": {"grace_ms": round(GRACE * 1000)},
            "adapter": {
                "cluster_health": {"heartbeat_interval_ms": 200, "node_timeout_ms": 700, "cleanup_interval_ms": 200}
            },
            "listener": {"header_timeout_ms": 600_000, "idle_timeout_ms": 600_000},
            "channel_limits": {"subscription_count_interval_ms": 500},
            "activity_timeout": 5,
            **more,
        }

    def client(self, app: Account = MAIN) -> Client:
        """One that has asked any node for its connection."""
        self.clients.append(client := Client(self.pump, self.anywhere(), app))
        return client

    def backend(self, app: Account = MAIN) -> Backend:
        """One that calls any node."""
        self.backends.append(backend := Backend(self.pump, self.anywhere(), app))
        return backend

    def promise(self, check: Callable[[], None]) -> None:
        """Holds when everything has come, and still 3 s later: it is checked now and when the module is through."""
        check()
        self._promises.append((time.monotonic() + LATE, check))

    def keep(self) -> None:
        """Checks what was promised, each at its time."""
        promises, self._promises = self._promises, []
        for due, check in promises:
            self.pump.rest(due - time.monotonic())
            check()

    def hooks(self, number: int, name: str, channel: str, user: str | None = None) -> None:
        """So many webhooks of a type come for a channel, and no more."""
        self.pump.until(
            f"{number} {name} of {channel}", lambda: len(self.sink.of(name, channel, user)) >= number, GRACE + 10
        )

        def exact() -> None:
            assert len(self.sink.of(name, channel, user)) == number, (name, channel, user)

        self.promise(exact)

    def close(self) -> None:
        """Ends everybody."""
        for each in (*self.clients, *self.backends):
            each.hang_up()
        for node in self.nodes:
            node.hang_up()
        self.sink.close()
