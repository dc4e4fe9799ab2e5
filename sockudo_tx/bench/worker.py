"""A client process: carries out what the parent asks for over a pipe, in one thread.

Run as `python -m sockudo_tx.bench.worker FD`. Each request is (method, arguments) and has one answer, (True, result) or
(False, text). The parent's end closing ends the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import resource
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

from . import plans
from .audit import Sent
from .group import Group
from .loop import Loop
from .payload import Marker
from .target import Target
from .wire import Dialer

__all__ = ["ISource", "Worker", "main"]

_PR_SET_TIMERSLACK = 29


class ISource(Protocol):
    """Something that sends events: the publisher, or a scenario's own."""

    def begin(self) -> None:
        """Gets ready and sets its timers."""

    def halt(self) -> None:
        """Sends nothing more."""

    def status(self) -> dict[str, Any]:
        """`done`, `waiting`, `events` and `refused` so far."""

    def report(self) -> dict[str, Any]:
        """What was sent, like `Publisher.report`."""


class Worker:
    """The clients and sources of this process, by name. Its public methods are what the parent may ask for."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.groups: dict[str, Group] = {}
        self._sources: dict[str, ISource] = {}
        self._windows: list[plans.Window] = []

    def begin(self, target: Target, run: str, sources: tuple[str, ...], index: int, workers: int) -> None:
        """Who it is; the first request."""
        self.dialer = Dialer(self._loop, target, sources)
        self.marker = Marker(run)
        self._index, self._workers = index, workers

    def open(self, plan: plans.Group) -> None:
        """Begins to open this worker's part of a group."""
        numbers = range(self._index, plan.count, self._workers)
        group = self.groups[plan.name] = Group(self.dialer, plan, self.marker, numbers, self._workers)
        group.watch(self._windows)
        group.open()

    def watch(self, windows: Sequence[plans.Window]) -> None:
        """Which stretches of time are counted apart from now on."""
        self._windows = list(windows)
        for group in self.groups.values():
            group.watch(self._windows)

    def source(self, plan: plans.Source, share: int, shares: int) -> None:
        """Begins this worker's part of a source."""
        module, _, name = plan.kind.partition(":")
        kind = getattr(importlib.import_module(module), name)
        group = self.groups.get(plan.extra.get("group", ""))
        arguments = (self.dialer, plan, self.marker, self._windows, share, shares)
        source = self._sources[plan.name] = kind(*arguments) if group is None else kind(*arguments, group)
        source.begin()

    def group(self, name: str, method: str) -> None:
        """Asks one group for something."""
        getattr(self.groups[name], method)()

    def storm(self, plan: plans.Group) -> None:
        """All clients of a group hang up and come back at once, by a new plan."""
        group = self.groups[plan.name]
        group.plan = plan
        group.cut()
        group.reopen()

    def halt(self) -> None:
        """Nothing is opened or sent any more."""
        for source in self._sources.values():
            source.halt()
        for group in self.groups.values():
            group.halt()

    def status(self, percentiles: bool = False) -> dict[str, Any]:
        """How all of it stands."""
        return {
            "cpu": time.process_time_ns(),
            "groups": {name: group.status(percentiles=percentiles) for name, group in self.groups.items()},
            "sources": {name: source.status() for name, source in self._sources.items()},
        }

    def sources(self) -> dict[str, dict[str, Any]]:
        """What the sources sent; they are gone then."""
        found = {name: source.report() for name, source in self._sources.items()}
        self._sources = {}
        return found

    def report(self, sent: dict[bytes, Sent]) -> dict[str, dict[str, Any]]:
        """What the groups saw, held against what was sent."""
        return {name: group.report(sent) for name, group in self.groups.items()}

    def close(self) -> None:
        """All clients hang up; the groups are gone then."""
        for group in self.groups.values():
            for client in group.clients:
                client.close()
        self.groups = {}

    def answer(self, pipe: Connection) -> None:
        """Answers one request; at the end of the pipe the loop ends."""
        try:
            method, arguments = pipe.recv()
        except (EOFError, OSError):
            self._loop.running = False
            return
        try:
            answer = True, getattr(self, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - the parent tells it and ends the run
            answer = False, f"{method}: {type(error).__name__}: {error}"
        try:
            pipe.send(answer)
        except OSError:  # the parent is gone
            self._loop.running = False


def main() -> None:
    """The process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which still wants our report
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _wake_on_time()
    gc.disable()  # a full collection over ten thousand clients would be measured as the server's latency
    pipe = Connection(int(sys.argv[1]))
    loop = Loop()
    worker = Worker(loop)
    loop.watch(pipe.fileno(), lambda _: worker.answer(pipe))
    loop.run()


def _wake_on_time() -> None:
    """Asks Linux to end our sleeps within a microsecond instead of 50."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1000), 0, 0, 0)


if __name__ == "__main__":
    main()
