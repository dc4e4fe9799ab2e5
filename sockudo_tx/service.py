"""From a configuration to a running server: the only place that wires.

Each collaborator passes through its interface here, so that a wrong one fails at start and not at two in the
morning. Source: configuration.md 9, 11.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.python.reflect import qual

from ._version import __version__
from .backends import factory as driver
from .backends.memory.apps import MemoryApps
from .backends.memory.authority import MemoryAuthority
from .backends.null import NullFacts
from .backends.webhooks.http import HttpSender
from .backends.webhooks.targets import TargetSender
from .config.findings import ConfigError, Finding
from .config.load import Loaded
from .config.schema import Config
from .connection_log import ConnectionLog
from .engine.departures import Departed
from .engine.server import Engine
from .engine.tailored.pace import OwnPace
from .engine.traced import TracedEngine
from .engine.webhooks import Webhooks
from .interfaces import IApps, IAuthority, ICache, IDeltaPace, IFacts, ILimiter, IWebhookQueue, IWebhookSender
from .listening import (
    PassedListener,
    PassedSockets,
    SocketListener,
    TcpListener,
    UnixListener,
    redirect_listener,
)
from .logs import Wanted
from .metrics import Measured, metrics_services
from .reactor import event_loop_of, soon
from .reload import Part, Reload, follows, takes
from .server import Patience, Server
from .settings import (
    certificate_files,
    engine_settings,
    redirect_settings,
    rest_settings,
    sender_settings,
    webhook_settings,
    websocket_settings,
)
from .systemd import Systemd
from .transports.certificates import Certificates
from .transports.port import PortFactory
from .transports.proxy_protocol import ProxyProtocolFactory
from .transports.redirect import RedirectFactory
from .transports.rest.checks import Check, usable, well
from .transports.rest.site import rest_site
from .transports.tls import TlsFactory
from .transports.tls_context import CertificateError
from .transports.turn import Turn
from .watchdog import Watchdog

__all__ = ["Server", "make_service"]


def make_service(
    loaded: Loaded,
    reactor: Any,
    *,
    passed: PassedSockets | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 (immutable)
) -> Server:
    """The whole server as a service, on this reactor; nothing listens before it is started or `open`ed.

    Sockets that were `passed` take the place of those it would open; `wanted` says which of the dear lines somebody
    reads. Raises `CertificateError`.
    """
    departures = ConnectionLog(IReactorTime(reactor))
    apps = IApps(driver(IApps, loaded.config.app_manager.driver)(loaded.config, reactor))
    sender = HttpSender(reactor, *sender_settings(loaded.config))
    webhooks = _webhooks(loaded.config, reactor, apps, sender)
    engine = _engine(loaded.config, reactor, apps, webhooks, wanted, departures)
    watchdog = Watchdog(reactor, loaded.config.health.stall_ms / 1000)
    port = _port(loaded.config, reactor, engine, _checks(loaded.config, engine, watchdog, webhooks))
    server = Server(
        reactor,
        engine,
        port.site,
        Systemd(reactor, os.environ),
        Reload(loaded, reactor),
        departures,
        _patience(loaded.config),
        lambda: _about(server, reactor),
    )
    server.heed(wanted)
    server.reloads.parts += [
        follows(engine.adjust, engine_settings),
        follows(port.site.adjust, rest_settings),
        follows(port.adjust, websocket_settings),
        follows(server.wait_for, _patience),
    ]
    if webhooks is not None:
        server.webhooks = webhooks
        server.reloads.parts += [
            follows(webhooks.adjust, webhook_settings),
            follows(lambda settings: sender.adjust(*settings), sender_settings),
        ]
    if isinstance(engine.apps, MemoryApps):
        server.reloads.parts.append(_apps_part(engine.apps, engine))
    watchdog.setServiceParent(server)
    _add_listeners(server, loaded.config, reactor, port, watchdog, passed or PassedSockets())
    return server


def _webhooks(config: Config, reactor: Any, apps: IApps, sender: HttpSender) -> Webhooks | None:
    """What takes facts to the apps' own servers; None when there is no queue to put them in."""
    if config.queue.driver == "none":
        return None
    queue = IWebhookQueue(driver(IWebhookQueue, config.queue.driver)(config, reactor))
    targets = IWebhookSender(TargetSender(sender))
    return Webhooks(IReactorTime(reactor), queue, targets, apps, webhook_settings(config), cut=sender.close)


def _engine(
    config: Config, reactor: Any, apps: IApps, webhooks: Webhooks | None, wanted: Wanted, departed: Departed
) -> Engine:
    """The engine over the chosen backends; one that tells what it does if somebody reads that."""
    return (TracedEngine if wanted.frames or wanted.refusals else Engine)(
        clock=IReactorTime(reactor),
        apps=apps,
        authority=IAuthority(MemoryAuthority(reactor, grace=config.webhooks.grace_ms / 1000)),
        cache=ICache(driver(ICache, config.cache.driver)(config, reactor)),
        facts=IFacts(NullFacts() if webhooks is None else webhooks.facts),
        settings=engine_settings(config),
        departed=departed,
        pace=IDeltaPace(OwnPace()),
    )


def _port(config: Config, reactor: Any, engine: Engine, checks: Sequence[Check]) -> PortFactory:
    """Both grammars of the port. A reload may switch the rate limits on, so there is always a limiter."""
    limiting = config.rate_limiter.driver if config.rate_limiter.enabled else "memory"
    limiter = ILimiter(driver(ILimiter, limiting)(config, reactor))
    site = rest_site(engine, rest_settings(config), Turn(soon(reactor)), checks, limiter)
    return PortFactory(engine, site, websocket_settings(config), reactor)


def _add_listeners(
    server: Server, config: Config, reactor: Any, port: PortFactory, watchdog: Watchdog, passed: PassedSockets
) -> None:
    """Metrics, clients, and the way from plain HTTP to HTTPS, in the order in which they are opened."""
    tls: TlsFactory | None = None
    if config.ssl.enabled and (passed.main_over_tcp if passed.main else not config.unix_socket.enabled):
        certificates = server.certificates = _certificates(config, reactor)
        certificates.setServiceParent(server)
        server.reloads.parts.append(_certificates_part(certificates))
        tls = certificates.over(port, port.pending)
    if not config.metrics.enabled:
        passed.without_metrics()
    main, announced = _main_listener(config, reactor, port, port if tls is None else tls, passed)
    parts = Measured(
        server.engine, port, watchdog, server.reloads, server.certificates, tls, announced, server.webhooks
    )
    for service in metrics_services(config, reactor, parts, passed.metrics):
        service.setServiceParent(server)
    server.listen(main)
    if tls is not None and config.ssl.redirect_http and (passed.redirect or not passed.complete):
        # behind it: when both have one port, HTTPS gets it
        _redirect(config, reactor, passed.redirect).setServiceParent(server)


def _main_listener(
    config: Config, reactor: Any, port: PortFactory, encrypted: Factory, passed: PassedSockets
) -> tuple[SocketListener, tuple[ProxyProtocolFactory, ...]]:
    """Passed sockets, a Unix socket or a TCP port: one of them. Unix sockets are never encrypted.

    And what reads the PROXY headers of its connections, if they have any.
    """
    plain: Factory = port
    announced: tuple[ProxyProtocolFactory, ...] = ()
    if config.listener.proxy_protocol:
        believed = config.listener.proxy_protocol_from
        plain, encrypted = announced = (
            ProxyProtocolFactory(port, port.pending, reactor, believed),
            ProxyProtocolFactory(encrypted, port.pending, reactor, believed),
        )
    if passed.main:
        return PassedListener(reactor, encrypted, passed.main, plain), announced
    if config.unix_socket.enabled:
        return UnixListener(reactor, plain, config.unix_socket.path, config.unix_socket.mode), announced
    return TcpListener(reactor, encrypted, config.host, config.port), announced


def _checks(config: Config, engine: Engine, watchdog: Watchdog, webhooks: Webhooks | None) -> tuple[Check, ...]:
    """What `/up` looks at besides the apps (http-api.md 10.2)."""
    cache = () if config.cache.driver == "none" else (Check("cache", usable(engine.cache.health)),)
    return (
        Check("adapter", well, critical=config.health.adapter_loss == "error"),
        *cache,
        Check("queue", well if webhooks is None else usable(webhooks.queue.health)),
        Check("reactor", watchdog.trouble, critical=True),
    )


def _patience(config: Config) -> Patience:
    return Patience(config.shutdown_grace_period, config.shutdown.drain_ms / 1000)


def _apps_part(apps: MemoryApps, engine: Engine) -> Part:
    """The apps and their limits; who is connected to one that is gone has to leave."""

    def take_up(new: Loaded) -> None:
        apps.replace(new.apps, new.config.limit_defaults)
        engine.apps_changed()

    return takes(take_up, lambda new: new)


def _certificates(config: Config, clock: IReactorTime) -> Certificates:
    interval = config.ssl.watch_interval_ms / 1000
    return Certificates(certificate_files(config), clock, interval, config.ssl.expiry_warning_days)


def _redirect(config: Config, reactor: Any, passed: Sequence[socket.socket]) -> SocketListener:
    """From plain HTTP to HTTPS."""
    factory = RedirectFactory(redirect_settings(config), reactor)
    if passed:
        return PassedListener(reactor, factory, passed)
    return redirect_listener(reactor, factory, config.host, config.ssl.redirect_port)


def _certificates_part(certificates: Certificates) -> Part:
    """The certificate for connections to come, from files that may have other names now."""

    def prepare(new: Loaded) -> Callable[[], list[str]]:
        files = certificate_files(new.config)
        try:
            identity = certificates.load(files)
        except CertificateError as error:
            path = f"ssl.{error.key}"
            finding = Finding(severity="error", path=path, message=str(error), cure=error.cure, refuses=True)
            raise ConfigError([finding]) from error
        return lambda: certificates.use(files, identity)

    return prepare


def _about(server: Server, reactor: Any) -> Mapping[str, Any]:
    """What support will ask for (configuration.md 11)."""
    loaded = server.reloads.loaded
    config = loaded.config
    return {
        "version": __version__,
        "config": loaded.file or "built-in",
        "unknown_keys": loaded.unknown,
        "apps": len(loaded.apps),
        "app_manager": config.app_manager.driver,
        "adapter": config.adapter.driver,
        "cache": config.cache.driver,
        "tls": config.ssl.enabled,
        "max_message_size": config.message_limit,
        "max_frame_size": config.websocket.max_frame_size,
        "max_request_size": config.http_api.request_limit_in_mb * 1024 * 1024,
        "event_loop": qual(type(event_loop_of(reactor) or reactor)),
    }
