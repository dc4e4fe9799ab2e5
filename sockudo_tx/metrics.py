"""What the metrics of a running server are read from. The only place that knows all of it; `service.py` calls it."""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple

from twisted.application.service import Service
from twisted.python.reflect import qual

from twisted import __version__ as twisted_version

from ._version import __version__
from .config.schema import Config
from .engine.server import Engine
from .engine.webhooks import Webhooks
from .interfaces import IAuthority, IBus
from .listening import OptionalListener, PassedListener, SocketListener
from .reactor import event_loop_of
from .reload import Reload
from .transports.certificates import Certificates
from .transports.metrics import families as f
from .transports.metrics.cluster import cluster_samples, mirror_samples
from .transports.metrics.collect import Collector
from .transports.metrics.lag import ReactorLag
from .transports.metrics.packing import Packer
from .transports.metrics.pages import Pages
from .transports.metrics.process import process_samples
from .transports.metrics.site import MetricsSite
from .transports.metrics.sources import Sample, Source, answer_samples, app_samples, outbox_samples, single
from .transports.port import PortFactory
from .transports.proxy_protocol import ProxyProtocolFactory
from .transports.rest.rate_limits import RateLimits
from .transports.tls import TlsFactory
from .watchdog import Watchdog

__all__ = ["Measured", "build", "metrics_listener", "metrics_services"]


class Measured(NamedTuple):
    """The parts of a server that have something to tell."""

    engine: Engine
    port: PortFactory
    watchdog: Watchdog
    reload: Reload
    certificates: Certificates | None
    tls: TlsFactory | None
    announced: tuple[ProxyProtocolFactory, ...]
    """What reads PROXY headers, where connections have any."""
    webhooks: Webhooks | None
    bus: IBus | None = None
    """What connects it with others; None where there are none."""
    authority: IAuthority | None = None


def metrics_services(
    config: Config,
    reactor: Any,
    parts: Measured,
    passed: Sequence[socket.socket],
    answers: MutableMapping[str, Callable[[], Any]] | None = None,
) -> list[Service]:
    """What serves the metrics, none when they are switched off. Sockets that were `passed` take the port's place.

    With `answers` somebody else serves them, who will ask for what is entered there as "metrics".
    """
    if not config.metrics.enabled:
        return []
    lag = ReactorLag(reactor)
    sources = [*_sources(parts), single(f.REACTOR_LAG, lambda: lag.histogram), build(reactor)]
    if answers is not None:
        answers["metrics"] = Packer(reactor, sources).page
        return [lag]
    prefix = config.metrics.prometheus.prefix
    return [metrics_listener(config, reactor, lambda port: Collector(reactor, prefix, port, sources), passed), lag]


def metrics_listener(
    config: Config, reactor: Any, pages: Callable[[Callable[[], str]], Pages], passed: Sequence[socket.socket]
) -> SocketListener:
    """What serves the pages; they are told what the label of the port says.

    A port that is taken is no reason not to serve clients: it is warned of.
    """
    metrics = config.metrics

    def port() -> str:
        addresses = listener.addresses
        return str((addresses[0].port if addresses else 0) or metrics.port)

    site = MetricsSite(pages(port), reactor)
    listener: SocketListener
    if passed:
        listener = PassedListener(reactor, site, passed)
    else:
        listener = OptionalListener(
            reactor,
            site,
            metrics.host,
            metrics.port,
            setting="metrics.port (METRICS_PORT)",
            without="There are no metrics; clients are served",
        )
    return listener


def _sources(parts: Measured) -> list[Source]:
    engine, port, watchdog, reload, certificates, tls, announced, webhooks, bus, authority = parts
    slow, beats, rest = port.websockets.slow, watchdog.beats, port.site.api
    sources: list[Source] = [
        process_samples,
        lambda: app_samples(engine),
        lambda: answer_samples(engine),
        lambda: outbox_samples(engine),
        single(f.SLOW_DROPPED, lambda: slow.dropped),
        single(f.SLOW_DISCONNECTED, lambda: slow.disconnected),
        single(f.CLEANUP_BACKLOG, lambda: engine.leaving + getattr(authority, "backlog", 0)),
        single(f.PENDING, lambda: len(rest.pending)),
        single(f.REFUSED, lambda: rest.pending.dropped, "pending_limit"),
        single(f.REFUSED, lambda: rest.pending.late, "late_head"),
        single(f.REFUSED, lambda: rest.crowd.refused, "address_limit"),
        lambda: _limits(rest.limits),
        single(f.REACTOR_STALLS, lambda: beats.stalls),
        single(f.LOOKUP_STALE, lambda: getattr(engine.apps, "stale_answers", None)),
        single(f.DRAINING, lambda: int(engine.draining)),
        single(f.CONFIG_RELOADS, lambda: reload.done, "done"),
        single(f.CONFIG_RELOADS, lambda: reload.refused, "refused"),
        single(f.CONFIG_RELOADED, lambda: reload.last_at),
        single(f.CONFIG_OK, lambda: None if reload.last_ok is None else int(reload.last_ok)),
    ]
    if announced:
        sources += [
            single(f.REFUSED, lambda: sum(factory.refused for factory in announced), "unknown_proxy"),
            single(f.REFUSED, lambda: sum(factory.broken for factory in announced), "proxy_header"),
        ]
    if certificates is not None:
        sources += [
            single(f.CERTIFICATE_EXPIRY, lambda: certificates.expires_at),
            single(f.CERTIFICATE_RELOADS, lambda: certificates.reloads),
        ]
    if tls is not None:
        sources += [
            single(f.HANDSHAKES, lambda: tls.completed - tls.resumed, "full"),
            single(f.HANDSHAKES, lambda: tls.resumed, "resumed"),
            single(f.HANDSHAKES, lambda: tls.failed, "failed"),
        ]
    if webhooks is not None:
        sources.append(lambda: _deliveries(webhooks))
        if bus is None:  # else it is somebody else's
            sources.append(single(f.WEBHOOK_DEPTH, lambda: _depth(webhooks)))
    if bus is not None:
        sources += [
            single(f.BUS_UP, lambda: int(bus.up)),
            lambda: cluster_samples(engine, getattr(bus, "dropped", 0)),
            lambda: mirror_samples(engine),
            lambda: _questions(authority),
        ]
    return sources


def _questions(authority: Any) -> Iterator[list[Sample]]:
    """What the authority was asked, if somebody has counted."""
    asked: dict[tuple[str, bool], int] = getattr(authority, "asked", {})
    yield [(f.AUTHORITY_OPS, (method, "ok" if ok else "failed"), count) for (method, ok), count in asked.items()]


def _deliveries(webhooks: Webhooks) -> Iterator[list[Sample]]:
    """What became of events told to webhooks."""
    yield [(f.WEBHOOKS, labels, count) for labels, count in webhooks.tally.counts.items()]


def _depth(webhooks: Webhooks) -> int | None:
    """Deliveries that wait, if the queue knows at once."""
    depth = webhooks.queue.depth()
    return depth if isinstance(depth, int) else None


def _limits(limits: RateLimits) -> Iterator[list[Sample]]:
    """The limits by client address (http-api.md 11.7)."""
    for (limit, context), count in limits.counts.items():
        labels = ("global", limit, context)
        yield [(f.LIMIT_CHECKS, labels, count.checks), (f.LIMIT_HITS, labels, count.triggered)]


def build(reactor: Any) -> Source:
    """What runs: versions, and the loop under the reactor."""
    loop = qual(type(event_loop_of(reactor) or reactor))
    labels = (__version__, platform.python_version(), twisted_version, loop)
    return single(f.BUILD, lambda: 1, *labels)
