"""Limits and times that disagree with each other, or with where the server stands."""

from __future__ import annotations

from collections.abc import Iterator

from ..schema import Config
from ..sections.websocket import WebSocketConfig
from .advice import Advice, Rule, Written, loopback

__all__ = ["RULES"]

_BUILT_IN = WebSocketConfig()
"""Values that many files repeat; nobody has chosen them."""
_DEFAULT_LIMIT = (100, 60)
"""Requests and seconds of the limiter in Sockudo's own files; seldom thought of."""
_STOPPED_AFTER = 30
"""Seconds until Kubernetes kills a pod that was told to stop (`terminationGracePeriodSeconds`)."""
_CHANNELS = 20
"""Channels a page may well subscribe to when it connects."""
_HEADERS = 4096
"""Bytes a browser's request head may well have, cookies of the page's domain included."""


def _behind(config: Config) -> str | None:
    """Why the address of a connection is not the client's; None when it may well be."""
    if config.unix_socket.enabled:
        return "clients of a Unix socket have no address, only the proxy's headers tell it"
    if config.listener.proxy_protocol:
        return None  # the header carries the client's address
    return f"{config.host} is reached by a proxy on this machine only" if loopback(config.host) else None


def _rate_limits(config: Config, written: Written) -> Iterator[Advice]:
    limiter = config.rate_limiter
    if not limiter.enabled:
        return
    hops = "rate_limiter.api_rate_limit.trust_hops"
    most = "rate_limiter.api_rate_limit.max_requests"
    limit = limiter.api_rate_limit
    believed = bool(limit.trust_hops) or config.unix_socket.enabled  # there a proxy is always believed
    why = _behind(config)
    if not believed and why is not None:
        yield Advice(
            (hops, "rate_limiter.enabled"),
            "must be at least 1 here, or all clients share one limit",
            why,
            "Set it to the number of proxies in front (RATE_LIMITER_API_TRUST_HOPS=1), and let them send "
            "X-Forwarded-For",
        )
    elif not believed and not written(hops) and not config.listener.proxy_protocol:
        yield Advice(
            (hops, "rate_limiter.enabled"),
            "is right only if clients connect directly",
            "behind a proxy or load balancer all clients have its address and share one limit",
            "Set it to the number of proxies in front (RATE_LIMITER_API_TRUST_HOPS), or to 0 to say that there is none",
            "info",
        )
    if not written(most) or (limit.max_requests, limit.window_seconds) == _DEFAULT_LIMIT:
        yield Advice(
            (most, "rate_limiter.enabled"),
            "is the built-in limit, which your own backend may exceed",
            f"publishing counts too: {limit.max_requests} requests in {limit.window_seconds} seconds from one address",
            "Set it to what your busiest backend needs (RATE_LIMITER_API_MAX_REQUESTS)",
            "info" if written(most) else "warn",
        )


def _unlimited(config: Config, written: Written) -> Iterator[Advice]:
    limiter = config.rate_limiter
    if not limiter.enabled:
        return
    for name, other in (
        ("api_rate_limit", limiter.api_rate_limit),
        ("websocket_rate_limit", limiter.websocket_rate_limit),
    ):
        if other is not None and not other.max_requests:
            yield Advice(
                (f"rate_limiter.{name}.max_requests", "rate_limiter.enabled"),
                "0 means that there is no limit",
                "rate_limiter.enabled is on, as if there were one",
                "Set it to the calls of one address in a window, or leave it",
            )


def _per_address(config: Config, written: Written) -> Iterator[Advice]:
    key, hops = "listener.max_connections_per_address", "rate_limiter.api_rate_limit.trust_hops"
    if not config.listener.max_connections_per_address:
        return
    why = _behind(config)
    if config.rate_limiter.api_rate_limit.trust_hops and not config.listener.proxy_protocol:
        yield Advice(
            (key, hops),
            "has no effect",
            f"{hops} says that connections come from proxies, and those may have as many as they need",
            "Set it to 0 and let the proxy limit, or use listener.proxy_protocol",
            "ignored",
        )
    elif why is not None:
        yield Advice(
            (key,),
            "has no effect here",
            f"connections from this machine are not limited, and {why}",
            "Set it to 0 and let the proxy limit, or use listener.proxy_protocol",
        )


def _requests(config: Config, written: Written) -> Iterator[Advice]:
    listener = config.listener
    if listener.max_header_bytes < _HEADERS:
        yield Advice(
            ("listener.max_header_bytes",),
            "is less than many browsers send",
            "cookies of the page's domain come with every WebSocket request",
            "Use at least 8192",
        )
    limit = config.http_api.request_limit_in_mb * 1024
    if limit and config.event_limits.max_payload_in_kb > limit:
        yield Advice(
            ("event_limits.max_payload_in_kb", "http_api.request_limit_in_mb"),
            "can never be reached",
            f"requests above {config.http_api.request_limit_in_mb} MiB are refused as a whole",
            "Raise http_api.request_limit_in_mb, or lower it",
        )


def _messages(config: Config, written: Written) -> Iterator[Advice]:
    websocket = config.websocket
    if websocket.max_frame_size != _BUILT_IN.max_frame_size and websocket.max_frame_size > config.message_limit:
        yield Advice(
            ("websocket.max_frame_size", "websocket.max_message_size", "websocket_max_payload_kb"),
            "can never be reached",
            f"messages, which consist of frames, end at {config.message_limit} bytes",
            "Lower it to the message limit, or raise websocket.max_message_size",
        )
    largest = config.event_limits.max_payload_in_kb * 1024
    if websocket.max_bytes is not None and largest > websocket.max_bytes:
        keys = ("websocket.max_bytes", "event_limits.max_payload_in_kb")
        yield Advice(
            keys if written("websocket.max_bytes") else keys[::-1],
            "does not fit the other: events would reach nobody",
            f"an event may have {largest} bytes of data, and {websocket.max_bytes} may wait for a client",
            f"Set websocket.max_bytes (WEBSOCKET_MAX_BYTES) to several times {largest}, or lower "
            "event_limits.max_payload_in_kb",
        )


def _talking(config: Config, written: Written) -> Iterator[Advice]:
    key = "websocket.max_inbound_messages_per_second"
    most = config.websocket.max_inbound_messages_per_second
    if 0 < most < _CHANNELS:
        yield Advice(
            (key,),
            "may close pages as soon as they connect, again and again",
            f"pusher-js subscribes to all channels of a page at once, and {most} messages are allowed in a second",
            "Set it to several times the channels of a page (WEBSOCKET_MAX_INBOUND_MESSAGES_PER_SECOND), or to 0",
        )


def _pings(config: Config, written: Written) -> Iterator[Advice]:
    websocket, silence = config.websocket, config.activity_timeout
    least = max(silence // 2, 5)
    if websocket.auto_ping and websocket.ping_interval != _BUILT_IN.ping_interval and websocket.ping_interval < least:
        yield Advice(
            ("websocket.ping_interval", "activity_timeout"),
            f"is too short and counts as {least}",
            f"pings come at most every half `activity_timeout` ({silence} seconds)",
            "Raise it, or lower activity_timeout",
        )
    if websocket.idle_timeout != _BUILT_IN.idle_timeout and 0 < websocket.idle_timeout < silence + 35:
        yield Advice(
            ("websocket.idle_timeout", "activity_timeout"),
            f"is too short and counts as {silence + 35}",
            f"a client may be silent for `activity_timeout` ({silence} seconds), and has 30 to answer a ping",
            f"Set it to at least {silence + 35}, or to 0",
        )
    if 0 < silence < 10:
        yield Advice(
            ("activity_timeout",),
            "makes every idle client send a ping every few seconds",
            "10,000 clients are then thousands of messages a second that say nothing",
            "Use 30 to 120",
        )
    if silence > 600:
        yield Advice(
            ("activity_timeout",),
            "keeps clients that are gone for a long time",
            "proxies and mobile networks drop silent connections after 60 to 300 seconds, and nobody notices",
            "Use 30 to 120",
        )


def _shutdown(config: Config, written: Written) -> Iterator[Advice]:
    grace, drain = config.shutdown_grace_period, config.shutdown.drain_ms
    if drain and drain >= grace * 1000:
        yield Advice(
            ("shutdown.drain_ms", "shutdown_grace_period"),
            "must be less than shutdown_grace_period",
            f"all {grace} seconds of grace would pass before clients are told to leave",
            f"Set shutdown_grace_period to at least {drain // 1000 + 5}, or lower it",
        )
    if not grace:
        yield Advice(
            ("shutdown_grace_period",),
            "cuts clients off at shutdown",
            "they are not told to come back at once (4200) and wait longer before they do",
            "Set it to 10",
        )
    if grace > _STOPPED_AFTER:
        yield Advice(
            ("shutdown_grace_period",),
            "is longer than many supervisors wait",
            "Kubernetes kills after 30 seconds, docker stop after 10, systemd after 90",
            "Raise terminationGracePeriodSeconds, stop_grace_period or TimeoutStopSec above it",
            "info",
        )


def _health(config: Config, written: Written) -> Iterator[Advice]:
    if config.health_check_timeout_ms >= 1000:
        yield Advice(
            ("health_check_timeout_ms",),
            "is as long as probes wait",
            "a Kubernetes probe gives up after 1 second and then counts a slow check as a failure",
            "Keep it below the probe's timeout, for example 400",
            "info",
        )
    if 0 < config.health.stall_ms < 100:
        yield Advice(
            ("health.stall_ms",),
            "turns `/up` red in normal operation",
            "one large broadcast may take that long",
            "Use 1000 or more, or 0 to switch it off",
        )


RULES: tuple[Rule, ...] = (
    _rate_limits,
    _unlimited,
    _per_address,
    _requests,
    _messages,
    _talking,
    _pings,
    _shutdown,
    _health,
)
