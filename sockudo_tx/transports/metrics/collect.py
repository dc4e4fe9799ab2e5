"""One scrape: every source read in turn, a few milliseconds at a time. Scrapes at the same time share one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure

from .exposition import Exposition
from .sources import Source

__all__ = ["Collector"]

_SLICE = 0.002
"""Seconds of one turn of the reactor."""


class Collector:
    """Reads sources. `prefix` begins the name of every family but those of the process; `port` is asked at each scrape
    for the value of that label.
    """

    def __init__(self, clock: IReactorTime, prefix: str, port: Callable[[], str], sources: Sequence[Source]) -> None:
        self._port = port
        self._prefix = prefix
        self._sources = sources
        self._pages: list[Deferred[bytes]] = []
        self._clock = clock
        self._cooperator = Cooperator(self._slice, lambda step: clock.callLater(0, step))

    def page(self) -> Deferred[bytes]:
        """What there is to tell now."""
        page: Deferred[bytes] = Deferred()
        self._pages.append(page)
        if len(self._pages) == 1:
            exposition = Exposition(self._prefix)
            reading = self._cooperator.coiterate(self._read(exposition)).addCallback(lambda _: exposition.text())
            reading.addBoth(self._told)  # type: ignore[unused-awaitable]  # failures are told too
        return page

    def _told(self, page: bytes | Failure) -> None:
        pages, self._pages = self._pages, []
        for waiting in pages:
            waiting.callback(page)

    def _slice(self) -> Callable[[], bool]:
        """Whether what is read in this turn has taken its time."""
        end = self._clock.seconds() + _SLICE
        return lambda: self._clock.seconds() >= end

    def _read(self, exposition: Exposition) -> Iterator[None]:
        port = self._port()
        for source in self._sources:
            for samples in source():
                for family, labels, value in samples:
                    if "port" in family.labels:
                        place = family.labels.index("port")
                        labels = (*labels[:place], port, *labels[place:])
                    exposition.add(family, labels, value)
                yield
