"""What each part takes from the configuration, in the part's own units: pure translations, one function a part.

A reload makes them anew and hands them to the same parts, so whatever is configurable goes through here.
"""

from __future__ import annotations

import resource

from .config.schema import Config
from .config.sections.operation import RateLimiterConfig
from .delta.settings import DeltaSettings
from .engine.cluster.backlog import BacklogSettings
from .engine.cluster.settings import ClusterSettings
from .engine.settings import EngineSettings
from .engine.webhooks import WebhookSettings
from .transports.redirect import RedirectSettings
from .transports.rest.settings import CorsSettings, IdempotencySettings, LimitSettings, RateLimitSettings, RestSettings
from .transports.settings import ListenerSettings, WebSocketSettings
from .transports.tls_context import CertificateFiles

__all__ = [
    "backlog_settings",
    "certificate_files",
    "cluster_settings",
    "delta_settings",
    "engine_settings",
    "listener_settings",
    "rate_limit_settings",
    "redirect_settings",
    "rest_settings",
    "sender_settings",
    "webhook_settings",
    "websocket_settings",
]


def engine_settings(config: Config) -> EngineSettings:
    """What the engine takes from the configuration, in its units."""
    return EngineSettings(
        activity_timeout=config.activity_timeout,
        user_authentication_timeout=config.user_authentication_timeout,
        auto_ping=config.websocket.auto_ping,
        ping_interval=config.websocket.ping_interval,
        idle_timeout=config.websocket.idle_timeout,
        cache_ttl=config.channel_limits.cache_ttl,
        subscription_count_interval=config.channel_limits.subscription_count_interval_ms / 1000,
        grace=config.webhooks.grace_ms / 1000,
        socket_counting=config.adapter.enable_socket_counting,
        cleanup_batch=config.cleanup.batch_size,
        delta=delta_settings(config),
    )


def backlog_settings(config: Config) -> BacklogSettings:
    """How other processes are told of connections that have ended."""
    cleanup = config.cleanup
    return BacklogSettings(
        batch=cleanup.batch_size,
        wait=cleanup.batch_timeout_ms / 1000,
        buffer=cleanup.queue_buffer_size,
        batches=4 if cleanup.worker_threads == "auto" else cleanup.worker_threads,
    )


def cluster_settings(config: Config) -> ClusterSettings:
    """What a node of many does while the others cannot be reached (scaling.md 4.8)."""
    adapter = config.adapter
    return ClusterSettings(
        buffer_frames=adapter.publish_buffer_messages,
        buffer_bytes=adapter.publish_buffer_bytes,
        buffer_age=adapter.publish_buffer_ms / 1000,
        refuse_when_down=adapter.on_bus_loss == "reject",
    )


def delta_settings(config: Config) -> DeltaSettings:
    """Deltas and tag filters."""
    delta_compression, tag_filtering = config.delta_compression, config.tag_filtering
    return DeltaSettings(
        enabled=delta_compression.enabled,
        algorithm=delta_compression.algorithm,
        full_message_interval=delta_compression.full_message_interval,
        min_message_size=delta_compression.min_message_size,
        max_state_age=delta_compression.max_state_age_secs,
        max_streams=delta_compression.max_conflation_states_per_channel or 0,
        conflation_key_path=delta_compression.conflation_key_path,
        omit_algorithm=delta_compression.omit_delta_algorithm,
        cache_sync=delta_compression.cache_sync,
        filtering=tag_filtering.enabled,
        enable_tags=tag_filtering.enable_tags,
        count_by_channel=config.metrics.prometheus.channel_labels,
    )


def webhook_settings(config: Config) -> WebhookSettings:
    """How webhooks are batched and tried again."""
    batching, retry = config.webhooks.batching, config.webhooks.retry
    return WebhookSettings(
        batching=batching.enabled,
        batch_seconds=batching.duration / 1000,
        batch_size=batching.size,
        retrying=retry.enabled,
        max_attempts=retry.max_attempts,
        give_up_after=retry.max_elapsed_time_ms / 1000,
        first_wait=retry.initial_backoff_ms / 1000,
        longest_wait=retry.max_backoff_ms / 1000,
    )


def sender_settings(config: Config) -> tuple[float, bool]:
    """Seconds for one attempt, and whether loopback and private addresses may be called."""
    return config.webhooks.request_timeout_ms / 1000, config.webhooks.allow_internal_addresses


def websocket_settings(config: Config) -> WebSocketSettings:
    """What the WebSocket transport takes from the configuration."""
    return WebSocketSettings(
        max_message_size=config.message_limit,
        max_frame_size=config.websocket.max_frame_size,
        max_messages_per_second=config.websocket.max_inbound_messages_per_second,
        max_messages=config.websocket.max_messages,
        max_bytes=config.websocket.max_bytes,
        max_backpressure=config.websocket.max_backpressure,
        disconnect_on_buffer_full=config.websocket.disconnect_on_buffer_full,
        compression=config.websocket.compression,
        path_prefix=config.path_prefix,
    )


def rest_settings(config: Config) -> RestSettings:
    """What the REST API takes from the configuration."""
    return RestSettings(
        path_prefix=config.path_prefix,
        request_limit=config.http_api.request_limit_in_mb * 1024 * 1024,
        usage_enabled=config.http_api.usage_enabled,
        cors=CorsSettings(
            credentials=config.cors.credentials,
            origin=config.cors.origin,
            methods=config.cors.methods,
            allowed_headers=config.cors.allowed_headers,
        ),
        idempotency=IdempotencySettings(
            enabled=config.idempotency.enabled,
            ttl_seconds=config.idempotency.ttl_seconds,
            max_key_length=config.idempotency.max_key_length,
        ),
        listener=listener_settings(config),
        rate_limits=rate_limit_settings(config.rate_limiter),
        read_timeout=config.adapter.read_timeout_ms / 1000,
        health_timeout=config.health_check_timeout_ms / 1000,
    )


def listener_settings(config: Config) -> ListenerSettings:
    """What strangers may ask of the port.

    Those who have not spoken get at most half of the files this process may open, so that they cannot keep others
    out. Where proxies speak for their clients in headers, the proxies' connections are not counted.
    """
    listener = config.listener
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    proxies = config.rate_limiter.api_rate_limit.trust_hops and not listener.proxy_protocol
    return ListenerSettings(
        header_timeout=listener.header_timeout_ms / 1000,
        idle_timeout=listener.idle_timeout_ms / 1000,
        max_header_bytes=listener.max_header_bytes,
        max_pending=min(listener.max_pending, files // 2),
        max_connections_per_address=0 if proxies else listener.max_connections_per_address,
    )


def rate_limit_settings(limiter: RateLimiterConfig) -> RateLimitSettings:
    """How often a client address may ask."""
    api, websocket = limiter.api_rate_limit, limiter.websocket_rate_limit
    hops = api.trust_hops or 0
    return RateLimitSettings(
        enabled=limiter.enabled,
        api=LimitSettings(max_requests=api.max_requests, window=api.window_seconds, hops=hops),
        websocket=None
        if websocket is None
        else LimitSettings(
            max_requests=websocket.max_requests,
            window=websocket.window_seconds,
            hops=hops if websocket.trust_hops is None else websocket.trust_hops,
        ),
    )


def certificate_files(config: Config) -> CertificateFiles:
    """Where TLS finds its certificate and key."""
    ssl = config.ssl
    return CertificateFiles(ssl.cert_path, ssl.key_path, ssl.passphrase, ssl.ca_path)


def redirect_settings(config: Config) -> RedirectSettings:
    """Where plain HTTP is sent."""
    listener = config.listener
    return RedirectSettings(
        config.port, listener.max_header_bytes, listener.header_timeout_ms / 1000, listener.max_pending
    )
