"""The metrics of the whole machine: every worker is asked at each scrape, and all of it is one page (decisions.md 25).

A worker that does not answer within a second is told of as it was the last time: sums do not fall while it hangs. What
a worker has counted stays in the sums when it ends; one that ends in peace tells its last counts, one that is killed
takes with it what it counted since the last scrape. Counts are read, merged and written a few milliseconds at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..transports.metrics import families as f
from ..transports.metrics.exposition import Exposition
from ..transports.metrics.merging import Ended, Merged
from ..transports.metrics.packing import unpack
from ..transports.metrics.pages import Pages
from ..transports.metrics.sources import Sample, Source

__all__ = ["WITHIN", "MachineMetrics", "Questioned"]

WITHIN = 1.0
"""Seconds workers have to answer."""
_HUB = "hub"
"""Its name among the workers."""
_OF_ONE = {f.CPU_SECONDS.name: f.WORKER_CPU, f.RESIDENT_MEMORY.name: f.WORKER_MEMORY}
"""What is told of each process too."""
_PARTED_AT_MOST = 64
"""Last words that wait for the next scrape; beyond, they are added up at once."""


class Questioned(Protocol):
    """A worker that can be asked; a `Station` is one."""

    slot: int
    node: str
    """Another for every process, also in the same slot."""

    def ask(self, what: str) -> Deferred[bytes]:
        """Its answer, some day. Fails when it ends."""


class _Told(NamedTuple):
    """What a worker said last."""

    slot: int
    packed: bytes
    scrape: int
    """The number of the scrape in which it came."""


_NOTHING = _Told(0, b"", 0)


class MachineMetrics(Pages):
    """`workers` gives all that there are, those that drain too; `sources` are the hub's own."""

    def __init__(
        self,
        clock: IReactorTime,
        prefix: str,
        port: Callable[[], str],
        workers: Callable[[], Iterable[Questioned]],
        sources: Sequence[Source],
    ) -> None:
        super().__init__(clock)
        self._prefix = prefix
        self._port = port
        self._workers = workers
        self._sources = sources
        self._scrapes = 0
        self._told: dict[str, _Told] = {}
        """By node."""
        self._asked: dict[str, Deferred[None]] = {}
        """Workers whose answer is still to come, by node."""
        self._ended = Ended()

    def last(self, slot: int, node: str, packed: bytes) -> None:
        """A worker that is about to end tells what it has counted."""
        self._told[node] = _Told(slot, packed, self._scrapes)
        if len(self._told) > _PARTED_AT_MOST + len(self._asked) and not self._waiting:
            present = {worker.node for worker in self._workers()}
            for _ in self._bury(present | {node}):
                pass

    def _made(self) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self._scrape())

    async def _scrape(self) -> bytes:
        self._scrapes += 1
        workers = {worker.node: worker for worker in self._workers()}
        for worker in workers.values():
            if worker.node not in self._asked:
                self._ask(worker)
        await self._answers()
        told = {node: self._told.get(node, _NOTHING)._replace(slot=worker.slot) for node, worker in workers.items()}
        exposition = Exposition(self._prefix, self._port())
        await self._in_slices(self._merge(told, exposition))
        return exposition.text()

    def _ask(self, worker: Questioned) -> None:
        slot, node = worker.slot, worker.node
        done: Deferred[None] = Deferred()
        self._asked[node] = done

        def answered(packed: bytes) -> None:
            self._told[node] = _Told(slot, packed, self._scrapes)
            failed()

        def failed(_: object = None) -> None:  # it has ended, or cannot say
            self._asked.pop(node, None)
            done.callback(None)

        worker.ask("metrics").addCallbacks(answered, failed)  # type: ignore[unused-awaitable]  # the chain ends here

    async def _answers(self) -> None:
        """Until all have answered, or the time is over; an answer that comes later is there in the next scrape."""
        over: Deferred[None] = Deferred()
        timer = self._clock.callLater(WITHIN, over.callback, None)
        missing = len(self._asked)

        def one(_: None) -> None:
            nonlocal missing
            missing -= 1
            if not missing and timer.active():
                timer.cancel()
                over.callback(None)

        waits = list(self._asked.values())
        if not waits:
            timer.cancel()
            return
        for answer in waits:
            answer.addCallback(one)  # type: ignore[unused-awaitable]  # the chain ends here
        await over

    def _merge(self, told: dict[str, _Told], exposition: Exposition) -> Iterator[None]:
        yield from self._bury(told.keys())
        merged = Merged()
        for number, sample in enumerate(self._ended.samples()):
            merged.add(*sample)
            if not number % 500:
                yield
        for slot, packed, scrape in told.values():
            merged.add(f.WORKER_UP, (_name(slot),), int(scrape == self._scrapes))
            for samples in _of_worker(slot, packed):
                for sample in samples:
                    merged.add(*sample)
                yield
        for source in self._sources:
            for samples in _of_process(_HUB, source()):
                for sample in samples:
                    merged.add(*sample)
                yield
        for number, sample in enumerate(merged.samples()):
            exposition.add(*sample)
            if not number % 500:
                yield

    def _bury(self, present: Iterable[str]) -> Iterator[None]:
        """Keep what those have counted that are not present any more."""
        for node in self._told.keys() - set(present):
            slot, packed, _ = self._told.pop(node)
            for samples in _of_worker(slot, packed):
                self._ended.take(samples)
                yield


def _name(slot: int) -> str:
    """As the log has it, for people who count from 1."""
    return str(slot + 1)


def _of_worker(slot: int, packed: bytes) -> Iterator[list[Sample]]:
    """What a worker has told, and in the end what is told of it by itself."""
    if not packed:
        return
    connections = Merged()
    connections.add(f.WORKER_CONNECTIONS, (_name(slot),), 0)
    for samples in _of_process(_name(slot), unpack(packed)):
        for family, _, value in samples:
            if family is f.CONNECTED:
                connections.add(f.WORKER_CONNECTIONS, (_name(slot),), value)
        yield samples
    yield list(connections.samples())


def _of_process(name: str, found: Iterable[list[Sample]]) -> Iterator[list[Sample]]:
    """And once more under its name what the kernel knows of it."""
    for samples in found:
        yield samples + [
            (_OF_ONE[family.name], (name,), value) for family, _, value in samples if family.name in _OF_ONE
        ]
