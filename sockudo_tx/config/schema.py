"""Every setting, declared once; the tree mirrors the JSON file.

The sections are in `sections/`, by theme. Defaults are the values of the reference's example configuration
(decisions.md 11). How a line is read is told in `declare.py`; a new key is one line in its section.
"""

from __future__ import annotations

from typing import Annotated

from ..protocol.app import LimitDefaults
from .declare import UNUSED, Doc, Env, KiB, Milliseconds, Older, Port, Seconds, Section
from .rules import NOT_EMPTY, ONE_OR_MORE
from .sections.apps import AppManagerConfig
from .sections.cache import CacheConfig
from .sections.cluster import AdapterConfig, CleanupConfig, ClusterHealthConfig, InstanceConfig
from .sections.databases import DatabaseConfig, PoolingConfig
from .sections.delta import DeltaConfig, TagFilteringConfig
from .sections.limits import ChannelLimitsConfig, EventLimitsConfig, HttpApiConfig, IdempotencyConfig, PresenceConfig
from .sections.listeners import CorsConfig, ListenerConfig, SslConfig, UnixSocketConfig
from .sections.operation import HealthConfig, LoggingConfig, MetricsConfig, RateLimiterConfig, ShutdownConfig
from .sections.queue import QueueConfig
from .sections.webhooks import WebhooksConfig
from .sections.websocket import WebSocketConfig

__all__ = ["Config"]


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    debug: Annotated[
        bool,
        Doc(
            "Log each HTTP request, and the source of each line. `DEBUG` can only switch it on, `DEBUG_MODE` both ways."
        ),
        Env("DEBUG_MODE"),
        Env("DEBUG", only=True),
    ] = False
    mode: Annotated[str, Doc("Name of the environment; `production` turns some warnings on."), Env("ENVIRONMENT")] = (
        "production"
    )
    host: Annotated[str, Doc("Address the server listens on."), NOT_EMPTY, Env("HOST")] = "0.0.0.0"
    port: Annotated[Port, Doc("Port of WebSocket and HTTP API. 0: any free port."), Env("PORT")] = 6001
    path_prefix: Annotated[str, Doc("Path under which everything is mounted.")] = "/"
    activity_timeout: Annotated[
        Seconds,
        Doc("Silence after which a client pings, and somewhat later is pinged. Told to clients."),
        ONE_OR_MORE,
        Env("ACTIVITY_TIMEOUT"),
    ] = 120
    user_authentication_timeout: Annotated[
        Seconds,
        Doc("Time to sign in or join an authorised channel, for apps with `enable_user_authentication`."),
        Env("USER_AUTHENTICATION_TIMEOUT"),
    ] = 3600
    shutdown_grace_period: Annotated[
        Seconds, Doc("Longest wait for clients and deliveries at shutdown."), Env("SHUTDOWN_GRACE_PERIOD")
    ] = 10
    websocket_max_payload_kb: Annotated[
        KiB | None,
        Doc("Largest inbound message, only if set; otherwise `websocket.max_message_size` alone counts."),
        Env("WEBSOCKET_MAX_PAYLOAD_KB"),
    ] = None
    health_check_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait for one check of `/up`."), ONE_OR_MORE, Env("HEALTH_CHECK_TIMEOUT_MS")
    ] = 400
    instance: InstanceConfig = InstanceConfig()
    listener: ListenerConfig = ListenerConfig()
    ssl: SslConfig = SslConfig()
    unix_socket: UnixSocketConfig = UnixSocketConfig()
    adapter: AdapterConfig = AdapterConfig()
    cluster_health: Annotated[
        ClusterHealthConfig,
        Doc("Older place of `adapter.cluster_health`; used for what is not set there."),
        Older("adapter.cluster_health"),
        UNUSED,
    ] = ClusterHealthConfig()
    app_manager: AppManagerConfig = AppManagerConfig()
    cache: CacheConfig = CacheConfig()
    database: DatabaseConfig = DatabaseConfig()
    database_pooling: Annotated[PoolingConfig, UNUSED] = PoolingConfig()
    channel_limits: ChannelLimitsConfig = ChannelLimitsConfig()
    event_limits: EventLimitsConfig = EventLimitsConfig()
    presence: PresenceConfig = PresenceConfig()
    http_api: HttpApiConfig = HttpApiConfig()
    cors: CorsConfig = CorsConfig()
    idempotency: IdempotencyConfig = IdempotencyConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    queue: QueueConfig = QueueConfig()
    delta_compression: DeltaConfig = DeltaConfig()
    tag_filtering: TagFilteringConfig = TagFilteringConfig(enable_tags=False)
    websocket: WebSocketConfig = WebSocketConfig()
    rate_limiter: RateLimiterConfig = RateLimiterConfig()
    cleanup: CleanupConfig = CleanupConfig()
    metrics: MetricsConfig = MetricsConfig()
    health: HealthConfig = HealthConfig()
    shutdown: ShutdownConfig = ShutdownConfig()
    logging: LoggingConfig | None = None

    @property
    def limit_defaults(self) -> LimitDefaults:
        """Limits of apps that set none themselves."""
        return LimitDefaults(
            max_channel_name_length=self.channel_limits.max_name_length,
            max_event_name_length=self.event_limits.max_name_length,
            max_event_payload_in_kb=self.event_limits.max_payload_in_kb,
            max_event_channels_at_once=self.event_limits.max_channels_at_once,
            max_event_batch_size=self.event_limits.max_batch_size,
            max_presence_members_per_channel=self.presence.max_members_per_channel,
            max_presence_member_size_in_kb=self.presence.max_member_size_in_kb,
        )

    @property
    def message_limit(self) -> int:
        """Largest inbound WebSocket message in bytes (protocol.md D4)."""
        if self.websocket_max_payload_kb is None:
            return self.websocket.max_message_size
        return min(self.websocket_max_payload_kb * 1024, self.websocket.max_message_size)
