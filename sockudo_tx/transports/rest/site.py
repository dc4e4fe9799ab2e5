"""The REST side of the port: a twisted.web Site with our own channel and request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web.resource import Resource
from twisted.web.server import Site

from ...engine.repeats import Repeats
from ...engine.server import Engine
from ...interfaces import ILimiter
from ..crowd import Crowd
from ..pending import Pending
from ..settings import ListenerSettings
from ..turn import Turn
from .answers import Answers
from .api import RestApi
from .app_limits import AppLimits
from .channel import RestChannel
from .checks import Check, usable
from .fanouts import FanOuts
from .guard import Guard
from .health import Health
from .rate_limits import RateLimits
from .request import Request
from .resources import resources
from .routes import Routes
from .settings import CorsSettings, IdempotencySettings, RestSettings
from .upgrade import Upgrades
from .usage import AllStats, Usage

__all__ = ["CorsSettings", "IdempotencySettings", "RestSettings", "RestSite", "rest_site"]


class RestSite(Site):
    """Makes the connections of the REST API. Its routes are in `api`: the resource tree is empty."""

    protocol = RestChannel  # type: ignore[assignment]  # Twisted's own is a proxy that may switch to HTTP/2
    requestFactory = Request  # type: ignore[assignment]  # the channel needs no more of it than ours has
    noisy = False

    def __init__(self, api: RestApi, upgrades: Upgrades, health: Health, settings: RestSettings) -> None:
        super().__init__(Resource(), reactor=api.engine.clock)
        self.api = api
        self.hops = settings.rate_limits.api.hops
        """Proxies in front of us whose word is taken for a client's address."""
        self._limit(settings.listener)
        self.upgrades = upgrades
        self.health = health

    def adjust(self, settings: RestSettings) -> None:
        """These settings from the next request on; path prefix and routes stay as they were at the start."""
        api = self.api
        api.answers, api.request_limit = Answers(api.engine.clock, settings.cors), settings.request_limit
        api.guard.settings = settings
        self.health.timeout = settings.health_timeout
        api.limits.adjust(settings.rate_limits)
        self.hops = settings.rate_limits.api.hops
        self._limit(settings.listener)

    def _limit(self, listener: ListenerSettings) -> None:
        self.timeOut = listener.idle_timeout
        self.max_header_bytes = listener.max_header_bytes
        self.api.pending.adjust(
            limit=listener.max_pending, silence=listener.idle_timeout, patience=listener.header_timeout
        )
        self.api.crowd.limit = listener.max_connections_per_address

    def drain(self) -> Deferred[None]:
        """End every connection once what was asked on it is answered; fires when the last one is gone."""
        return self.api.connections.finish()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        channel = super().buildProtocol(addr)
        channel.api = self.api
        channel.address = addr
        channel.totalHeadersSize = channel.MAX_LENGTH = self.max_header_bytes
        return channel

    def startFactory(self) -> None:
        """No access log, hence no log file and no clock for its lines."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/2 has no place on a port that upgrades to WebSocket."""
        return [b"http/1.1"]


def rest_site(
    engine: Engine,
    settings: RestSettings,
    turn: Turn,
    checks: Sequence[Check] | None = None,
    limiter: ILimiter | None = None,
    stats: AllStats | None = None,
) -> RestSite:
    """The REST API of this engine, ready to be given connections; `turn` is that of its WebSockets.

    `/up` looks at the apps and makes these `checks`; if None, the cache is looked at. Without a `limiter` nothing is
    limited, whatever the settings say. `stats` are those of all workers, where there are several.
    """
    if checks is None:
        checks = (Check("cache", usable(lambda: engine.cache.health())),)  # noqa: PLW0108  # a test may replace it
    repeats = Repeats(engine.clock)
    upgrades = Upgrades(engine, settings.path_prefix)
    health = Health(engine, checks, settings.health_timeout, repeats)
    routes = resources(health, Usage(engine, stats) if settings.usage_enabled else None, upgrades)
    api = RestApi(
        engine=engine,
        routes=Routes(settings.prefix, routes),
        guard=Guard(engine, settings, FanOuts(engine.clock, turn), AppLimits(limiter)),
        answers=Answers(engine.clock, settings.cors),
        repeats=repeats,
        turn=turn,
        limits=RateLimits(limiter, settings.rate_limits),
        pending=Pending(
            engine.clock,
            limit=settings.listener.max_pending,
            silence=settings.listener.idle_timeout,
            patience=settings.listener.header_timeout,
        ),
        crowd=Crowd(engine.clock),
        request_limit=settings.request_limit,
        log_requests=settings.log_requests,
    )
    return RestSite(api, upgrades, health, settings)
