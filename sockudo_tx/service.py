"""From a configuration to a running server: the only place that wires.

Each collaborator passes through its interface here, so that a wrong one fails at start and not at two in the
morning. Stopping drains: no new connections, every socket told to come back (4200), and out within the grace period.
Source: configuration.md 8.6, 9, 11; scaling.md 10.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults, race
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.reflect import qual

from ._version import __version__
from .backends import factory as driver
from .backends.memory.authority import MemoryAuthority
from .backends.null import NullFacts
from .config.load import Loaded
from .config.schema import Config
from .engine.server import Engine
from .interfaces import IApps, IAuthority, ICache, IFacts
from .listening import Listener
from .reactor import event_loop_of, soon
from .settings import certificate_files, engine_settings, rest_settings, websocket_settings
from .transports.certificates import Certificates
from .transports.port import PortFactory
from .transports.rest.site import rest_site
from .transports.turn import Turn

__all__ = ["Server", "make_service"]

# Clients are told to leave over at most this long, so that they do not come back all at once (scaling.md 10).
_DRAIN_AT_MOST = 5.0


class Server(MultiService):
    """A running server; children are its listeners. Give it `reactor` things, never the global reactor."""

    _log = Logger()
    certificates: Certificates | None = None
    """What TLS connections are made with, if we speak TLS."""

    def __init__(
        self, engine: Engine, listener: Listener, grace: float, clock: IReactorTime, about: dict[str, Any]
    ) -> None:
        super().__init__()
        self._about = about
        self.engine = engine
        self.listener = listener
        self._grace = grace
        self._clock = clock
        self._hurried: Deferred[None] | None = None
        listener.setServiceParent(self)

    def open(self) -> None:
        """Open the listening sockets now, before a fork or a drop of privileges. Raises `ListenError`."""
        self.listener.open()

    def startService(self) -> None:
        super().startService()
        scheme = "https" if self._about["tls"] else "http"
        address = self.listener.address.netloc
        self._log.info("ready at {scheme}://{address}", scheme=scheme, address=address, **self._about)

    def stopService(self) -> Deferred[None]:
        """Drain; fires when every client has left, or after the grace period, or on `hurry`."""
        self._log.info("shutting down", grace_seconds=self._grace)
        closed = super().stopService()
        drained = self.engine.drain(min(self._grace / 2, _DRAIN_AT_MOST))
        left = gatherResults([closed, drained], consumeErrors=True).addErrback(self._failed)
        self._hurried = Deferred()

        def finished(winner: tuple[int, Any]) -> None:
            if winner[0] == 0:
                self._log.info("stopped")
            else:
                self._log.warn("stopped; not every client left in time, the rest is cut off")

        waits: list[Deferred[Any]] = [left, deferLater(self._clock, self._grace), self._hurried]
        return race(waits).addCallback(finished)

    def hurry(self) -> None:
        """Stop waiting for clients."""
        if self._hurried is not None and not self._hurried.called:
            self._hurried.callback(None)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if not (isinstance(error, FirstError) and error.subFailure.check(CancelledError)):
            self._log.failure("draining failed", failure)


def make_service(loaded: Loaded, reactor: Any, *, log_requests: bool = False) -> Server:
    """The whole server as a service, on this reactor; nothing listens before it is started or `open`ed.

    With `log_requests` each HTTP request has its line in the log, at debug level. Raises `CertificateError`.
    """
    config = loaded.config
    engine = Engine(
        clock=IReactorTime(reactor),
        apps=IApps(driver(IApps, config.app_manager.driver)(config, reactor)),
        authority=IAuthority(MemoryAuthority(reactor, grace=config.webhooks.grace_ms / 1000)),
        cache=ICache(driver(ICache, config.cache.driver)(config, reactor)),
        facts=IFacts(NullFacts()),
        settings=engine_settings(config),
    )
    turn = Turn(soon(reactor))
    site = rest_site(engine, rest_settings(config, log_requests), turn)
    factory: Factory = PortFactory(engine, site, websocket_settings(config), reactor)
    certificates = _certificates(config, reactor) if config.ssl.enabled else None
    if certificates is not None:
        factory = certificates.over(factory)
    listener = Listener(reactor, factory, config.host, config.port)
    server = Server(engine, listener, config.shutdown_grace_period, reactor, _about(loaded, reactor))
    if certificates is not None:
        server.certificates = certificates
        certificates.setServiceParent(server)
    return server


def _certificates(config: Config, clock: IReactorTime) -> Certificates:
    interval = config.ssl.watch_interval_ms / 1000
    return Certificates(certificate_files(config), clock, interval, config.ssl.expiry_warning_days)


def _about(loaded: Loaded, reactor: Any) -> dict[str, Any]:
    """What support will ask for (configuration.md 11)."""
    config = loaded.config
    return {
        "version": __version__,
        "config": loaded.file or "built-in",
        "apps": len(loaded.apps),
        "adapter": config.adapter.driver,
        "app_manager": config.app_manager.driver,
        "cache": config.cache.driver,
        "max_message_size": config.message_limit,
        "tls": config.ssl.enabled,
        "event_loop": qual(type(event_loop_of(reactor) or reactor)),
    }
