"""The whole server as `sockudo run` wires it; publishes through the engine."""

from __future__ import annotations

from common import DATA, serve

from sockudo_tx.reactor import install_reactor

install_reactor()

from twisted.internet import reactor  # noqa: E402

from sockudo_tx.config.load import load  # noqa: E402
from sockudo_tx.protocol.publication import Publication  # noqa: E402
from sockudo_tx.service import make_service  # noqa: E402
from sockudo_tx.start import raise_file_limit  # noqa: E402

raise_file_limit()
_environment = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "SOCKUDO_DEFAULT_APP_ID": "app-id",
    "SOCKUDO_DEFAULT_APP_KEY": "app-key",
    "SOCKUDO_DEFAULT_APP_SECRET": "app-secret",
    "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS": "0",
}
_loaded = load(None, _environment, "/nonexistent")
_server = make_service(_loaded, reactor)
_server.startService()
_engine = _server.engine
_served = _engine.apps.by_id("app-id")
_event = Publication("bench", ("bench-0",), DATA)
serve(reactor, lambda: _engine.publish(_served, _event), _server.listener.address.port)
