"""From a configuration to a running server: the only place that wires one, over what `shared.py` chose for its node.

Each collaborator passes through its interface here, so that a wrong one fails at start and not at two in the
morning. Source: configuration.md 9, 11.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.python.reflect import qual

from ._version import __version__
from .backends import factory as driver
from .backends.memory.apps import MemoryApps
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
from .interfaces import IApps, IDeltaPace, IFacts, IWebhookQueue, IWebhookSender
from .listening import (
    PassedListener,
    PassedSockets,
    SocketListener,
    TcpListener,
    UnixListener,
    redirect_listener,
)
from .logs import Wanted
from .machine import Machine
from .metrics import Measured, metrics_services
from .reactor import event_loop_of, soon
from .reload import Part, Reload, follows, takes
from .server import Patience, Server
from .settings import (
    certificate_files,
    cluster_settings,
    engine_settings,
    redirect_settings,
    rest_settings,
    sender_settings,
    webhook_settings,
    websocket_settings,
)
from .shared import Shared, by_itself, over_link
from .systemd import Systemd
from .transports.certificates import Certificates
from .transports.port import PortFactory
from .transports.proxy_protocol import ProxyProtocolFactory
from .transports.redirect import RedirectFactory
from .transports.rest.checks import Check, usable, well
from .transports.rest.site import rest_site
from .transports.tls import TlsFactory
from .transports.tls_context import CertificateContents, CertificateError
from .transports.turn import Turn
from .watchdog import Watchdog

if TYPE_CHECKING:
    from .backends.hub.link import HubLink

__all__ = ["Server", "about", "certificates_of", "certificates_part", "encrypts", "make_service", "patience"]


def make_service(
    loaded: Loaded,
    reactor: Any,
    *,
    passed: PassedSockets | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 (immutable)
    link: HubLink | None = None,
    kept: CertificateContents | None = None,
) -> Server:
    """The whole server as a service, on this reactor; nothing listens before it is started or `open`ed.

    Sockets that were `passed` take the place of those it would open; `wanted` says which of the dear lines somebody
    reads. With a `link` it is one of several on this machine, and has in common with them what the hub has,
    `kept` too: the certificate to go on with when its files cannot be used. Raises `CertificateError`.
    """
    shared = by_itself(loaded.config, reactor) if link is None else over_link(loaded.config, reactor, link)
    departures = ConnectionLog(IReactorTime(reactor))
    apps = IApps(driver(IApps, loaded.config.app_manager.driver)(loaded.config, reactor))
    sender = HttpSender(reactor, *sender_settings(loaded.config))
    webhooks = _webhooks(loaded.config, reactor, apps, sender, shared.queue)
    engine = _engine(loaded.config, reactor, apps, shared, webhooks, wanted, departures)
    watchdog = Watchdog(reactor, loaded.config.health.stall_ms / 1000)
    machine = None if link is None else Machine(engine, link)
    checks = _checks(loaded.config, engine, watchdog, webhooks, machine)
    port = _port(loaded.config, reactor, engine, checks, shared, machine)
    server = Server(
        reactor,
        engine,
        port.site,
        Systemd(reactor, os.environ if link is None else {}),
        Reload(loaded, reactor),
        departures,
        patience(loaded.config),
        lambda: about(server.reloads.loaded, reactor),
    )
    server.announces = link is None
    server.heed(wanted)
    server.reloads.parts += [
        follows(engine.adjust, engine_settings),
        follows(port.site.adjust, rest_settings),
        follows(port.adjust, websocket_settings),
        follows(server.wait_for, patience),
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
    _add_listeners(server, loaded.config, reactor, port, watchdog, passed or PassedSockets(), shared, link, kept)
    return server


def _webhooks(
    config: Config, reactor: Any, apps: IApps, sender: HttpSender, queue: IWebhookQueue | None
) -> Webhooks | None:
    """What takes facts to the apps' own servers; None when there is no queue to put them in."""
    if queue is None:
        return None
    targets = IWebhookSender(TargetSender(sender))
    return Webhooks(IReactorTime(reactor), queue, targets, apps, webhook_settings(config), cut=sender.close)


def _engine(
    config: Config,
    reactor: Any,
    apps: IApps,
    shared: Shared,
    webhooks: Webhooks | None,
    wanted: Wanted,
    departed: Departed,
) -> Engine:
    """The engine over the chosen backends; one that tells what it does if somebody reads that."""
    return (TracedEngine if wanted.frames or wanted.refusals else Engine)(
        clock=IReactorTime(reactor),
        apps=apps,
        authority=shared.authority,
        cache=shared.cache,
        facts=IFacts(NullFacts() if webhooks is None else webhooks.facts),
        settings=engine_settings(config),
        departed=departed,
        pace=IDeltaPace(OwnPace()),
        bus=shared.bus,
        cluster_settings=cluster_settings(config),
        node_id=shared.node,
    )


def _port(
    config: Config, reactor: Any, engine: Engine, checks: Sequence[Check], shared: Shared, machine: Machine | None
) -> PortFactory:
    """Both grammars of the port."""
    stats = None if machine is None else machine.stats
    site = rest_site(engine, rest_settings(config), Turn(soon(reactor)), checks, shared.limiter, stats)
    return PortFactory(engine, site, websocket_settings(config), reactor)


def _add_listeners(
    server: Server,
    config: Config,
    reactor: Any,
    port: PortFactory,
    watchdog: Watchdog,
    passed: PassedSockets,
    shared: Shared,
    link: HubLink | None,
    kept: CertificateContents | None,
) -> None:
    """Metrics, clients, and the way from plain HTTP to HTTPS, in the order in which they are opened."""
    tls: TlsFactory | None = None
    if encrypts(config, passed):
        certificates = server.certificates = certificates_of(config, reactor, kept)
        certificates.setServiceParent(server)
        server.reloads.parts.append(certificates_part(certificates))
        tls = certificates.over(port, port.pending)
    if not config.metrics.enabled:
        passed.without_metrics()
    main, announced = _main_listener(config, reactor, port, port if tls is None else tls, passed)
    parts = Measured(
        server.engine,
        port,
        watchdog,
        server.reloads,
        server.certificates,
        tls,
        announced,
        server.webhooks,
        shared.bus,
        shared.authority,
    )
    for service in metrics_services(config, reactor, parts, passed.metrics, None if link is None else link.answers):
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


def _checks(
    config: Config, engine: Engine, watchdog: Watchdog, webhooks: Webhooks | None, machine: Machine | None
) -> tuple[Check, ...]:
    """What `/up` looks at besides the apps (http-api.md 10.2)."""
    cache = () if config.cache.driver == "none" else (Check("cache", usable(engine.cache.health)),)
    return (
        Check("adapter", well if machine is None else machine.reached, critical=config.health.adapter_loss == "error"),
        *cache,
        Check("queue", well if webhooks is None else usable(webhooks.queue.health)),
        Check("reactor", watchdog.trouble, critical=True),
        *(() if machine is None else (Check("workers", machine.missing),)),
    )


def patience(config: Config) -> Patience:
    """How long an end may take."""
    return Patience(config.shutdown_grace_period, config.shutdown.drain_ms / 1000)


def _apps_part(apps: MemoryApps, engine: Engine) -> Part:
    """The apps and their limits; who is connected to one that is gone has to leave."""

    def take_up(new: Loaded) -> None:
        apps.replace(new.apps, new.config.limit_defaults)
        engine.apps_changed()

    return takes(take_up, lambda new: new)


def encrypts(config: Config, passed: PassedSockets) -> bool:
    """Whether clients come over TLS: Unix sockets are never encrypted."""
    return config.ssl.enabled and (passed.main_over_tcp if passed.main else not config.unix_socket.enabled)


def certificates_of(config: Config, clock: IReactorTime, kept: CertificateContents | None = None) -> Certificates:
    """What TLS is made with; `kept` when the files cannot be used. Raises `CertificateError`."""
    interval = config.ssl.watch_interval_ms / 1000
    return Certificates(certificate_files(config), clock, interval, config.ssl.expiry_warning_days, kept)


def _redirect(config: Config, reactor: Any, passed: Sequence[socket.socket]) -> SocketListener:
    """From plain HTTP to HTTPS."""
    factory = RedirectFactory(redirect_settings(config), reactor)
    if passed:
        return PassedListener(reactor, factory, passed)
    return redirect_listener(reactor, factory, config.host, config.ssl.redirect_port)


def certificates_part(certificates: Certificates) -> Part:
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


def about(loaded: Loaded, reactor: Any) -> Mapping[str, Any]:
    """What support will ask for (configuration.md 11)."""
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
