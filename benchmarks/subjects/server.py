"""The whole server as `sockudo run` wires it, and a way to publish through its engine.

python -m benchmarks.subjects.server [VARIABLE=VALUE ...]
"""

from __future__ import annotations

import sys
from typing import Any

from sockudo_tx.reactor import install_reactor

install_reactor()

from twisted.internet import reactor  # noqa: E402
from twisted.logger import globalLogBeginner  # noqa: E402

from sockudo_tx.config.load import load  # noqa: E402
from sockudo_tx.protocol.publication import Publication  # noqa: E402
from sockudo_tx.service import make_service  # noqa: E402
from sockudo_tx.start import log_to, raise_file_limit, spare_collector  # noqa: E402

from .commands import DATA, nowhere, serve  # noqa: E402
from .slices import Slices  # noqa: E402

_ENVIRONMENT = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "METRICS_HOST": "127.0.0.1",
    "METRICS_PORT": "0",
    # Pings would count as deliveries; what they cost is not what these figures are about.
    "WEBSOCKET_AUTO_PING": "false",
    "SOCKUDO_DEFAULT_APP_ID": "app-id",
    "SOCKUDO_DEFAULT_APP_KEY": "app-key",
    "SOCKUDO_DEFAULT_APP_SECRET": "app-secret",
    "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS": "0",
    "SOCKUDO_DEFAULT_APP_ENABLE_CLIENT_MESSAGES": "true",
    "SOCKUDO_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SECOND": "1000000",
}


def main(reactor: Any) -> None:
    """Serves until standard input ends."""
    raise_file_limit()
    slices = Slices()
    loaded = load(None, _ENVIRONMENT | dict(each.split("=", 1) for each in sys.argv[1:]), "/nonexistent")
    server = make_service(loaded, reactor)
    globalLogBeginner.beginLoggingTo([log_to(nowhere(), server)], redirectStandardIO=False)
    spare_collector()
    server.startService()
    engine = server.engine
    app: Any = engine.apps.by_id("app-id")
    event = Publication("bench", ("bench-0",), DATA)

    def broadcast(events: int) -> None:
        for _ in range(events):
            engine.publish(app, event)

    def tables() -> dict[str, int]:
        spaces = engine.registry.apps.values()
        return engine.tables() | {
            "sockets": sum(len(space.sockets) for space in spaces),
            "channels": sum(len(space.channels) for space in spaces),
        }

    serve(
        reactor,
        server.listeners[0].address.port,
        broadcast,
        tables=tables,
        slices=slices.longest,
        busy=slices.busiest,
        facts=slices.facts,
    )


main(reactor)
