"""One scrape: every source read in turn, a few milliseconds at a time. Scrapes at the same time share one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from .exposition import Exposition
from .pages import Pages
from .sources import Source

__all__ = ["Collector"]


class Collector(Pages):
    """Reads sources. `prefix` begins the name of every family but those of the process; `port` is asked at each scrape
    for the value of that label.
    """

    def __init__(self, clock: IReactorTime, prefix: str, port: Callable[[], str], sources: Sequence[Source]) -> None:
        super().__init__(clock)
        self._port = port
        self._prefix = prefix
        self._sources = sources

    def _made(self) -> Deferred[bytes]:
        exposition = Exposition(self._prefix, self._port())
        return self._in_slices(self._read(exposition)).addCallback(lambda _: exposition.text())

    def _read(self, exposition: Exposition) -> Iterator[None]:
        for source in self._sources:
            for samples in source():
                for sample in samples:
                    exposition.add(*sample)
                yield
