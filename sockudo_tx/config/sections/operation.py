"""Watching and running the server: `metrics`, `health`, `logging`, `shutdown`, `rate_limiter`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import (
    UNUSED,
    Begins,
    Count,
    Doc,
    Env,
    Milliseconds,
    Port,
    Seconds,
    Section,
    Words,
)
from ..rules import METRIC_PREFIX, NOT_EMPTY, ONE_OR_MORE
from .names import REDIS_CLUSTER

__all__ = ["HealthConfig", "LoggingConfig", "MetricsConfig", "RateLimiterConfig", "ShutdownConfig"]


class PrometheusConfig(Section, frozen=True, kw_only=True):
    """Names and labels."""

    prefix: Annotated[
        str,
        Doc("Begins the names of all metrics but `process_*`."),
        METRIC_PREFIX,
        Env("METRICS_PROMETHEUS_PREFIX", empty=""),
    ] = "sockudo_"
    channel_labels: Annotated[
        bool,
        Doc("Label metrics of deltas with the channel's name, for 1000 channels of an app. Off: `all`."),
    ] = False


class MetricsConfig(Section, frozen=True, kw_only=True):
    """Numbers for Prometheus, on a port of their own that should not be public."""

    enabled: Annotated[bool, Doc("Count, and answer `GET /metrics` on a port of its own."), Env("METRICS_ENABLED")] = (
        True
    )
    driver: Annotated[Literal["prometheus"], Doc("Format of the metrics."), Words(), Env("METRICS_DRIVER")] = (
        "prometheus"
    )
    host: Annotated[str, Doc("Address of the metrics port."), NOT_EMPTY, Env("METRICS_HOST")] = "0.0.0.0"
    port: Annotated[Port, Doc("Port of the metrics, plain HTTP. 0: any free port."), Env("METRICS_PORT")] = 9601
    prometheus: PrometheusConfig = PrometheusConfig()


class HealthConfig(Section, frozen=True, kw_only=True):
    """What `/up` reports."""

    adapter_loss: Annotated[
        Literal["degraded", "error"],
        Doc("What `/up` says while the nodes cannot reach each other: 200 `DEGRADED` or 503."),
        Words(),
    ] = "degraded"
    stall_ms: Annotated[Milliseconds, Doc("A pause of the event loop longer than this turns `/up` red. 0: never.")] = (
        5000
    )


class ShutdownConfig(Section, frozen=True, kw_only=True):
    """How the server ends."""

    drain_ms: Annotated[
        Milliseconds,
        Doc("Keep accepting for this long after a signal while `/up` says 503, so that balancers notice."),
        Env("SHUTDOWN_DRAIN_MS"),
    ] = 0


class ApiRateLimit(Section, frozen=True, kw_only=True):
    """Requests of one client address."""

    max_requests: Annotated[
        Count,
        Doc("Requests of one client address in a window, all paths together."),
        Env("RATE_LIMITER_API_MAX_REQUESTS"),
    ] = 60
    window_seconds: Annotated[
        Seconds, Doc("Length of the sliding window."), ONE_OR_MORE, Env("RATE_LIMITER_API_WINDOW_SECONDS")
    ] = 60
    trust_hops: Annotated[
        Count | None,
        Doc("Proxies in front of the server whose `X-Forwarded-For` entries are believed. null: 0."),
        Env("RATE_LIMITER_API_TRUST_HOPS"),
    ] = 0
    identifier: Annotated[str | None, Doc("Name of the limit."), UNUSED] = "default"


class WebSocketRateLimit(Section, frozen=True, kw_only=True):
    """New WebSocket connections of one client address; limited only if this object or one of its variables is there."""

    max_requests: Annotated[
        Count,
        Doc("WebSocket connections one client address may open in a window."),
        Env("RATE_LIMITER_WS_MAX_REQUESTS"),
    ] = 60
    window_seconds: Annotated[
        Seconds, Doc("Length of the sliding window."), ONE_OR_MORE, Env("RATE_LIMITER_WS_WINDOW_SECONDS")
    ] = 60
    trust_hops: Annotated[
        Count | None, Doc("As for the HTTP API. null: what holds there."), Env("RATE_LIMITER_WS_TRUST_HOPS")
    ] = None
    identifier: Annotated[str | None, Doc("Name of the limit."), UNUSED] = "default"


class RedisLimiterConfig(Section, frozen=True, kw_only=True):
    """Drivers `redis` and `redis-cluster`."""

    prefix: Annotated[
        str | None,
        Doc("Begins the keys; another `:` follows. null: `database.redis.key_prefix` and `rl_http:`."),
        Env("RATE_LIMITER_REDIS_PREFIX"),
    ] = None
    url_override: Annotated[str | None, Doc("Another server than `database.redis`."), Env("REDIS_URL")] = None
    cluster_mode: Annotated[bool, Doc("The same as driver `redis-cluster`.")] = False


class RateLimiterConfig(Section, frozen=True, kw_only=True):
    """Limits for client addresses, beside those of each app."""

    enabled: Annotated[
        bool, Doc("Answer 429 to a client address that asks too often."), Env("RATE_LIMITER_ENABLED")
    ] = False
    driver: Annotated[
        Literal["memory", "redis", "redis-cluster", "none"],
        Doc("Where requests are counted. `none` is `memory`; `rate_limiter.enabled` switches the limits off."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster"), when="rate_limiter.enabled"),
        Env("RATE_LIMITER_DRIVER"),
    ] = "memory"
    api_rate_limit: ApiRateLimit = ApiRateLimit(max_requests=100, identifier="api")
    websocket_rate_limit: Annotated[
        WebSocketRateLimit | None,
        Begins(WebSocketRateLimit(max_requests=20, identifier="websocket_connect")),
    ] = None
    redis: Annotated[RedisLimiterConfig, UNUSED] = RedisLimiterConfig(prefix="sockudo_rl:")


class LoggingConfig(Section, frozen=True, kw_only=True):
    """How lines for people look."""

    colors_enabled: Annotated[
        bool, Doc("Colours in human-readable lines, on a terminal only."), Env("LOG_COLORS_ENABLED")
    ] = True
    include_target: Annotated[bool, Doc("Name the logger in every line."), Env("LOG_INCLUDE_TARGET")] = True
