"""A Prometheus beside the server in memory: it scrapes over a connection.

Pages are read here line by line: prometheus-client's reader appends `_total` to the names it reads. That Prometheus
itself can read them is seen in tests/integration/test_promtool.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sockudo_tx.testing import MemoryServer, Response
from sockudo_tx.testing.wire import MemoryWire
from sockudo_tx.transports.metrics.collect import Collector
from sockudo_tx.transports.metrics.process import process_samples
from sockudo_tx.transports.metrics.site import MetricsSite
from sockudo_tx.transports.metrics.sources import Source, answer_samples, app_samples, outbox_samples

from .case import RawConnection

__all__ = ["SCRAPE", "Scraper", "read"]

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost:9601\r\n\r\n"


_SAMPLE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})?) (\S+)'
)


def read(page: str) -> dict[str, float]:
    """The samples of a page, by name and labels. Lines that are neither a sample nor a comment are an error."""
    found = {}
    for line in page.splitlines():
        if not line.startswith("# "):
            sample = _SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample[1] not in found, line
            found[sample[1]] = float(sample[2])
    return found


class Scraper:
    """The metrics port of a server in memory."""

    def __init__(
        self, server: MemoryServer, prefix: str = "sockudo_", port: str = "9601", more: Sequence[Source] = ()
    ) -> None:
        self.server = server
        engine = server.engine
        sources: list[Source] = [
            process_samples,
            lambda: app_samples(engine),
            lambda: answer_samples(engine),
            lambda: outbox_samples(engine),
            *more,
        ]
        self.site = MetricsSite(Collector(server.clock, prefix, lambda: port, sources), server.clock)

    def connect(self) -> RawConnection:
        """A connection to the metrics port."""
        connection = RawConnection.__new__(RawConnection)
        connection._server, connection.received, connection.ended = self.server, b"", False
        connection.wire = MemoryWire(self.server.clock, self.site, connection._read, connection._end)
        return connection

    def ask(self, request: bytes = SCRAPE) -> Response:
        """One request on a connection of its own."""
        connection = self.connect()
        response = connection.ask(request)
        connection.wire.cut(clean=True)
        return response

    def page(self) -> str:
        """What a scrape gets."""
        return self.ask().text

    def values(self) -> dict[str, float]:
        """Every sample, by its name and labels, such as `sockudo_connected{app_id="app",port="9601"}`."""
        return read(self.page())

    def since(self, before: dict[str, float]) -> dict[str, float]:
        """The samples of the server that are not what they were, as differences."""
        return {
            name: value - before.get(name, 0)
            for name, value in self.values().items()
            if value != before.get(name, 0) and not name.startswith("process_")
        }
