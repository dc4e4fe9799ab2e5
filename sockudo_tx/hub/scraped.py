"""What the hub has to tell of itself and of its workers, beside what they tell, and the port it is asked on."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service

from ..config.schema import Config
from ..interfaces import IWebhookQueue
from ..metrics import build, metrics_listener
from ..reload import Reload
from ..transports.metrics import families as f
from ..transports.metrics.lag import ReactorLag
from ..transports.metrics.process import process_samples
from ..transports.metrics.sources import Source, single
from .exchange import Exchange
from .metrics import MachineMetrics
from .supervisor import Supervisor

__all__ = ["machine_metrics"]


def machine_metrics(
    config: Config,
    reactor: Any,
    supervisor: Supervisor,
    exchange: Exchange,
    reload: Reload,
    queue: IWebhookQueue | None,
    passed: Sequence[socket.socket] = (),
) -> list[Service]:
    """What serves the metrics of all workers, none when they are switched off."""
    if not config.metrics.enabled:
        return []
    lag = ReactorLag(reactor)
    prefix = config.metrics.prometheus.prefix
    sources = [
        *_sources(supervisor, exchange, reload, queue),
        single(f.HUB_LAG, lambda: lag.histogram),
        build(reactor),
    ]

    def pages(port: Any) -> MachineMetrics:
        pages = MachineMetrics(reactor, prefix, port, lambda: exchange.stations, sources)
        exchange.last_words = lambda station, told: pages.last(station.slot, station.node, told)
        return pages

    return [metrics_listener(config, reactor, pages, passed), lag]


def _sources(supervisor: Supervisor, exchange: Exchange, reload: Reload, queue: IWebhookQueue | None) -> list[Source]:
    return [
        process_samples,
        single(f.WORKERS, lambda: len(supervisor.slots)),
        single(f.WORKERS_READY, lambda: sum(slot.current is not None for slot in supervisor.slots)),
        single(f.WORKER_RESTARTS, lambda: supervisor.restarts),
        single(f.NODES, lambda: len(exchange.stations)),
        single(f.AUTHORITY_UP, lambda: 1),  # it is in this process
        single(f.REAPED, lambda: exchange.reaped),
        single(f.WEBHOOK_DEPTH, lambda: _depth(queue)),
        single(f.DRAINING, lambda: int(supervisor.draining)),
        single(f.CONFIG_RELOADS, lambda: reload.done, "done"),
        single(f.CONFIG_RELOADS, lambda: reload.refused, "refused"),
        single(f.CONFIG_RELOADED, lambda: reload.last_at),
        single(f.CONFIG_OK, lambda: None if reload.last_ok is None else int(reload.last_ok)),
    ]


def _depth(queue: IWebhookQueue | None) -> int | None:
    """Deliveries that wait, if the queue knows at once."""
    depth = queue.depth() if queue is not None else None
    return depth if isinstance(depth, int) else None
