"""The whole server as `sockudo run` wires it, and a way to publish through its engine.

python -m benchmarks.subjects.server [CONFIG.json] [VARIABLE=VALUE ...]

Without a file it has the app of the variables below. Two variables are ours: STREAM=ticker broadcasts the events of a
stream instead of one that is always the same, TOPICS=1000 puts the tag of the next of so many topics on each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import cycle, islice, repeat
from typing import Any

from sockudo_tx.reactor import install_reactor

install_reactor()

from twisted.internet import reactor  # noqa: E402
from twisted.logger import globalLogBeginner  # noqa: E402

from sockudo_tx.bench.streams import STREAMS  # noqa: E402
from sockudo_tx.config.load import Loaded, load  # noqa: E402
from sockudo_tx.logs import Wanted, wanted  # noqa: E402
from sockudo_tx.protocol.publication import Publication  # noqa: E402
from sockudo_tx.service import make_service  # noqa: E402
from sockudo_tx.start import log_settings, log_to, raise_file_limit, spare_collector  # noqa: E402

from .commands import DATA, nowhere, serve  # noqa: E402
from .slices import Slices  # noqa: E402
from .topics import tagged  # noqa: E402

_ENVIRONMENT = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "METRICS_HOST": "127.0.0.1",
    "METRICS_PORT": "0",
    # Pings would count as deliveries; what they cost is not what these figures are about.
    "WEBSOCKET_AUTO_PING": "false",
}
_APP = {
    "SOCKUDO_DEFAULT_APP_ID": "app-id",
    "SOCKUDO_DEFAULT_APP_KEY": "app-key",
    "SOCKUDO_DEFAULT_APP_SECRET": "app-secret",
    "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS": "0",
    "SOCKUDO_DEFAULT_APP_ENABLE_CLIENT_MESSAGES": "true",
    "SOCKUDO_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SECOND": "1000000",
}
_MESSAGES = 2_000
"""Of a stream, made before anything is measured."""


def _events(stream: str | None, topics: int) -> Iterator[Publication]:
    """What is broadcast, one after the other."""
    if stream is not None:
        data = islice(STREAMS[stream](1), _MESSAGES)
        return cycle([Publication("bench", ("bench-0",), each) for each in data])
    if topics:
        return cycle([Publication("bench", ("bench-0",), DATA, tags=tagged(number)) for number in range(topics)])
    return repeat(Publication("bench", ("bench-0",), DATA))


def _configured(arguments: list[str], variables: dict[str, str]) -> Loaded:
    file = next((each for each in arguments if "=" not in each), None)
    return load(file, (_ENVIRONMENT if file else _ENVIRONMENT | _APP) | variables, "/nonexistent")


def main(reactor: Any) -> None:
    """Serves until standard input ends."""
    raise_file_limit()
    slices = Slices()
    variables = dict(each.split("=", 1) for each in sys.argv[1:] if "=" in each)
    events_to_come = _events(variables.pop("STREAM", None), int(variables.pop("TOPICS", "0")))
    loaded = _configured(sys.argv[1:], variables)
    server = make_service(loaded, reactor, wanted=wanted(log_settings(loaded).filter) if loaded.file else Wanted())
    globalLogBeginner.beginLoggingTo([log_to(nowhere(), server)], redirectStandardIO=False)
    spare_collector()
    server.startService()
    engine = server.engine
    app: Any = engine.apps.by_id("app-id")

    def broadcast(events: int) -> None:
        for event in islice(events_to_come, events):
            engine.publish(app, event)

    def tables() -> dict[str, int]:
        spaces, webhooks = engine.registry.apps.values(), server.webhooks
        return {
            **engine.tables(),
            **engine._authority.tables(),
            "sockets": sum(len(space.sockets) for space in spaces),
            "channels": sum(len(space.channels) for space in spaces),
            "users": sum(len(space.users) for space in spaces),
            "mirrors": sum(channel.mirror is not None for space in spaces for channel in space.channels.values()),
            "webhooks": 0 if webhooks is None else webhooks.queue.depth() + (not webhooks.facts.idle),
        }

    serve(
        reactor,
        server.listeners[0].address.port,
        broadcast,
        tables=tables,
        slices=slices.take,
    )


main(reactor)
