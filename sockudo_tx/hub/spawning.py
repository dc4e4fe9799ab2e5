"""How a worker is started: a fresh interpreter with what `orders.py` says it inherits."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Set
from typing import Any

from ..backends.hub.pair import adopt
from ..config.load import Loaded
from ..listening import ListenError
from ..transports.certificates import Certificates
from .exchange import Exchange
from .orders import FIRST_SOCKET, LINK, ORDERS, PARENTS, Orders
from .output import Output
from .process import WorkerEvents, WorkerProcess
from .sockets import ListeningSockets
from .station import Station

__all__ = ["Spawning"]

_MODULE = "sockudo_tx.worker"
_OURS = "sockudo_tx.reactor"


class Spawning:
    """Starts workers of one hub. What they print is for `output`."""

    def __init__(
        self,
        reactor: Any,
        exchange: Exchange,
        sockets: ListeningSockets,
        workers: int,
        output: Output,
    ) -> None:
        self._reactor = reactor
        self._exchange = exchange
        self._sockets = sockets
        self._workers = workers
        self.output = output
        self.certificates: Certificates | None = None
        """What TLS connections are made with, if clients come over TLS."""
        self._folder = os.getcwd()

    def __call__(self, slot: int, loaded: Loaded, events: WorkerEvents) -> WorkerProcess:
        """A worker that is starting. Raises `ListenError` when the machine cannot start one."""
        worker = WorkerProcess(slot, self._reactor, events, self.output(slot))
        try:
            with contextlib.ExitStack() as failing:
                ours, theirs = socket.socketpair()
                failing.callback(ours.close)
                with theirs:
                    worker.pid = self._spawned(worker, loaded, theirs)
                failing.pop_all()
        except OSError as error:
            what = "" if error.filename is None else f"{error.filename}: "
            raise ListenError(f"{worker.name} cannot be started: {what}{error.strerror}") from error
        worker.station = Station(self._exchange, slot, worker)
        adopt(self._reactor, ours, worker.station)
        return worker

    def _spawned(self, worker: WorkerProcess, loaded: Loaded, link: socket.socket) -> int:
        """The process id of the worker, whose end of the link this is."""
        slot = worker.slot
        inherited = self._sockets.for_slot(slot)
        module = type(self._reactor).__module__
        orders = Orders(
            slot=slot,
            workers=self._workers,
            loaded=loaded,
            hub=os.getpid(),
            folder=self._folder,
            reactor="" if module == _OURS else module,
            roles=tuple(role for role, _ in inherited),
            manner=self.output.manner,
            certificate=None if self.certificates is None else self.certificates.contents,
        ).write()
        descriptors: dict[int, int | str] = {1: "r", 2: "r", LINK: link.fileno(), ORDERS: orders}
        descriptors.update({FIRST_SOCKET + place: opened.fileno() for place, (_, opened) in enumerate(inherited)})
        command = [sys.executable, "-P", "-m", _MODULE, f"{slot + 1}/{self._workers}"]
        try:
            with open(os.devnull, "rb") as nothing:
                descriptors[0] = nothing.fileno()
                with _held(PARENTS):
                    started = self._reactor.spawnProcess(
                        worker, command[0], command, env=_environment(), childFDs=descriptors
                    )
        finally:
            os.close(orders)
        pid: int = started.pid
        return pid


@contextlib.contextmanager
def _held(signals: Set[signal.Signals]) -> Iterator[None]:
    """Who is started meanwhile gets these when it knows what to do with them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _environment() -> Mapping[str, str]:
    """Ours, and the places we ourselves are imported from: what is found there first by us is found first by them."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
