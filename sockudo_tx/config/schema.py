"""Every setting, declared once; the tree mirrors the JSON file.

Defaults are the values of the reference's example configuration (decisions.md 11). How a line is read is
told in `declare.py`; a new key is one line here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from ..protocol.app import App, LimitDefaults
from .declare import (
    SECRET,
    UNUSED,
    ZERO_IS_NONE,
    Bytes,
    Count,
    Doc,
    Env,
    Fraction,
    KiB,
    MiB,
    Milliseconds,
    Port,
    Seconds,
    Section,
    Words,
)
from .rules import CORS_ORIGINS, NOT_EMPTY, ONE_OR_MORE, TOKENS

__all__ = ["Config"]

REDIS_CLUSTER = (("redis_cluster", "redis-cluster"), ("rediscluster", "redis-cluster"))


class InstanceConfig(Section, frozen=True, kw_only=True):
    process_id: Annotated[
        str | None,
        Doc("Label of this process in logs and metrics. Unset: a random UUID each start. Not the cluster's node id."),
        UNUSED,
        Env("INSTANCE_PROCESS_ID"),
    ] = None


class AdapterConfig(Section, frozen=True, kw_only=True):
    driver: Annotated[
        Literal["local", "redis", "redis-cluster", "nats"],
        Doc("What connects several nodes. `local`: one node, nothing outside this process."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster", "nats")),
        Env("ADAPTER_DRIVER"),
    ] = "local"


class ArrayConfig(Section, frozen=True, kw_only=True):
    apps: Annotated[
        tuple[App, ...],
        Doc("The apps, see “Apps” below. `SOCKUDO_DEFAULT_APP_*` appends one more."),
    ] = ()


class AppCacheConfig(Section, frozen=True, kw_only=True):
    enabled: Annotated[bool, Doc("Remember apps read from a database. Apps in memory need no cache.")] = True
    ttl: Annotated[
        Seconds, Doc("How long an app read from a database is used without asking again."), Env("CACHE_TTL_SECONDS")
    ] = 300


class AppManagerConfig(Section, frozen=True, kw_only=True):
    driver: Annotated[
        Literal["memory", "mysql", "pgsql", "dynamodb", "scylladb"],
        Doc("Where apps are kept. `memory` (or `array`): this file and the environment."),
        Words(
            aliases=(("array", "memory"), ("postgres", "pgsql"), ("postgresql", "pgsql"), ("scylla", "scylladb")),
            later=("mysql", "pgsql", "dynamodb", "scylladb"),
        ),
        Env("APP_MANAGER_DRIVER"),
    ] = "memory"
    array: ArrayConfig = ArrayConfig()
    cache: AppCacheConfig = AppCacheConfig()


class MemoryCacheConfig(Section, frozen=True, kw_only=True):
    ttl: Annotated[Seconds, Doc("Life of an entry that names none. 0: no end."), Env("CACHE_TTL_SECONDS")] = 300
    cleanup_interval: Annotated[
        Seconds,
        Doc("How often expired entries are looked for. 0: only when they are met."),
        Env("CACHE_CLEANUP_INTERVAL"),
    ] = 60
    max_capacity: Annotated[
        Count, Doc("Entries held; the least recently used goes first. 0: store nothing."), Env("CACHE_MAX_CAPACITY")
    ] = 10000


class CacheConfig(Section, frozen=True, kw_only=True):
    driver: Annotated[
        Literal["memory", "redis", "redis-cluster", "none"],
        Doc("Where the last event of cache channels is kept. `none`: a small memory cache that `/up` does not check."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster")),
        Env("CACHE_DRIVER"),
    ] = "memory"
    memory: MemoryCacheConfig = MemoryCacheConfig()


class ChannelLimitsConfig(Section, frozen=True, kw_only=True):
    max_name_length: Annotated[Count, Doc("Longest channel name, for apps that set none. 0: no limit.")] = 200
    cache_ttl: Annotated[Seconds, Doc("How long a cache channel remembers its last event. 0: no end.")] = 3600
    subscription_count_interval_ms: Annotated[
        Milliseconds, Doc("Pace of `subscription_count` events on channels with more than 100 subscribers.")
    ] = 5000


class EventLimitsConfig(Section, frozen=True, kw_only=True):
    max_channels_at_once: Annotated[Count, Doc("Channels of one event, for apps that set none. 0: no limit.")] = 100
    max_name_length: Annotated[Count, Doc("Longest event name, for apps that set none. 0: no limit.")] = 200
    max_payload_in_kb: Annotated[KiB, Doc("Largest event data, for apps that set none. 0: no limit.")] = 100
    max_batch_size: Annotated[Count, Doc("Events of one batch, for apps that set none. 0: no limit.")] = 10


class PresenceConfig(Section, frozen=True, kw_only=True):
    max_members_per_channel: Annotated[
        Count, Doc("Members of a presence channel, for apps that set none. 0: no limit.")
    ] = 100
    max_member_size_in_kb: Annotated[
        KiB, Doc("Largest `user_info` of a member, for apps that set none. 0: no limit.")
    ] = 2


class AcceptTrafficConfig(Section, frozen=True, kw_only=True):
    memory_threshold: Annotated[Fraction, Doc("Share of memory from which on no connection is accepted."), UNUSED] = 0.9


class HttpApiConfig(Section, frozen=True, kw_only=True):
    request_limit_in_mb: Annotated[MiB, Doc("Largest request body of the HTTP API; above it 413. 0: no limit.")] = 10
    usage_enabled: Annotated[bool, Doc("Serve `/usage` and `/stats`."), Env("HTTP_API_USAGE_ENABLED")] = True
    accept_traffic: AcceptTrafficConfig = AcceptTrafficConfig()


class CorsConfig(Section, frozen=True, kw_only=True):
    credentials: Annotated[
        bool,
        Doc("Let pages send credentials. Always off when every origin is allowed, or none."),
        Env("CORS_CREDENTIALS"),
    ] = True
    origin: Annotated[
        tuple[str, ...],
        Doc("Pages that may call the HTTP API: `*` or `any` for all, or the patterns of `allowed_origins`."),
        CORS_ORIGINS,
        Env("CORS_ORIGINS"),
    ] = ("*",)
    methods: Annotated[tuple[str, ...], Doc("Methods a preflight allows."), TOKENS, Env("CORS_METHODS")] = (
        "GET",
        "POST",
        "OPTIONS",
    )
    allowed_headers: Annotated[tuple[str, ...], Doc("Headers a preflight allows."), TOKENS, Env("CORS_HEADERS")] = (
        "Authorization",
        "Content-Type",
        "X-Requested-With",
        "Accept",
    )


class IdempotencyConfig(Section, frozen=True, kw_only=True):
    enabled: Annotated[bool, Doc("Honour idempotency keys of publish calls.")] = True
    ttl_seconds: Annotated[Seconds, Doc("How long the reply to a key is remembered."), ONE_OR_MORE] = 120
    max_key_length: Annotated[Count, Doc("Longest key; longer ones are refused with 400."), ONE_OR_MORE] = 128


class BatchingConfig(Section, frozen=True, kw_only=True):
    enabled: Annotated[bool, Doc("Join the webhook events of a moment."), UNUSED, Env("WEBHOOK_BATCHING_ENABLED")] = (
        True
    )
    duration: Annotated[Milliseconds, Doc("The moment."), UNUSED, Env("WEBHOOK_BATCHING_DURATION")] = 50
    size: Annotated[Count, Doc("Events of one delivery; 0 counts as 1."), UNUSED, Env("WEBHOOK_BATCHING_SIZE")] = 100


class RetryConfig(Section, frozen=True, kw_only=True):
    enabled: Annotated[bool, Doc("Try failed deliveries again."), UNUSED] = True
    max_attempts: Annotated[Count | None, Doc("Attempts in all. null: until the time is over."), UNUSED] = None
    max_elapsed_time_ms: Annotated[Milliseconds, Doc("When to give up."), UNUSED] = 300000
    initial_backoff_ms: Annotated[Milliseconds, Doc("First wait; each next one doubles."), UNUSED] = 1000
    max_backoff_ms: Annotated[Milliseconds, Doc("Longest wait."), UNUSED] = 60000


class WebhooksConfig(Section, frozen=True, kw_only=True):
    batching: BatchingConfig = BatchingConfig()
    request_timeout_ms: Annotated[Milliseconds, Doc("Longest wait for an endpoint's answer."), UNUSED, ONE_OR_MORE] = (
        10000
    )
    retry: RetryConfig = RetryConfig()
    grace_ms: Annotated[Milliseconds, Doc("A channel left, or a member gone, for less than this is not reported.")] = (
        3000
    )


class WebSocketConfig(Section, frozen=True, kw_only=True):
    max_messages: Annotated[
        Count | None,
        Doc("Messages waiting for one slow client. null, 0 or `none`: not counted; both limits off means 1000."),
        ZERO_IS_NONE,
        Env("WEBSOCKET_MAX_MESSAGES"),
    ] = 1000
    max_bytes: Annotated[
        Bytes | None,
        Doc("Bytes waiting for one slow client. null, 0 or `none`: not counted."),
        ZERO_IS_NONE,
        Env("WEBSOCKET_MAX_BYTES"),
    ] = 1048576
    disconnect_on_buffer_full: Annotated[
        bool,
        Doc("Disconnect a client beyond these limits with 4100; otherwise drop the new event."),
        Env("WEBSOCKET_DISCONNECT_ON_BUFFER_FULL"),
    ] = False
    max_message_size: Annotated[
        Bytes,
        Doc("Largest inbound message; above it the connection closes with 1009."),
        Env("WEBSOCKET_MAX_MESSAGE_SIZE"),
    ] = 67108864
    max_frame_size: Annotated[
        Bytes, Doc("Largest inbound frame; above it the connection closes with 1009."), Env("WEBSOCKET_MAX_FRAME_SIZE")
    ] = 16777216
    write_buffer_size: Annotated[
        Bytes, Doc("Bytes gathered before they are written."), UNUSED, Env("WEBSOCKET_WRITE_BUFFER_SIZE")
    ] = 16384
    max_backpressure: Annotated[
        Bytes,
        Doc("Bytes handed to the operating system's side and not yet sent, at most."),
        UNUSED,
        Env("WEBSOCKET_MAX_BACKPRESSURE"),
    ] = 1048576
    auto_ping: Annotated[bool, Doc("Send WebSocket pings."), Env("WEBSOCKET_AUTO_PING")] = True
    ping_interval: Annotated[
        Seconds,
        Doc("Between two pings; never less than half of `activity_timeout`."),
        Env("WEBSOCKET_PING_INTERVAL"),
    ] = 30
    idle_timeout: Annotated[
        Seconds,
        Doc("Hard limit of silence, never less than `activity_timeout` + 35. 0: off."),
        Env("WEBSOCKET_IDLE_TIMEOUT"),
    ] = 120
    compression: Annotated[
        Literal[
            "disabled",
            "dedicated",
            "shared",
            "window256b",
            "window1kb",
            "window2kb",
            "window4kb",
            "window8kb",
            "window16kb",
            "window32kb",
        ],
        Doc(
            "permessage-deflate: off; `dedicated` and `window4kb` up compress for each connection, the others once "
            "for all with the same window."
        ),
        Words(fallback="disabled"),
        Env("WEBSOCKET_COMPRESSION"),
    ] = "disabled"


class SslConfig(Section, frozen=True, kw_only=True):
    enabled: Annotated[
        bool,
        Doc("Speak TLS on `port`. Without both paths the server starts unencrypted, with an error in its log."),
        Env("SSL_ENABLED"),
    ] = False
    cert_path: Annotated[
        str,
        Doc("Certificate in PEM: the server's own first, then the intermediate ones."),
        Env("SSL_CERT_PATH"),
    ] = ""
    key_path: Annotated[str, Doc("The certificate's private key in PEM."), Env("SSL_KEY_PATH")] = ""
    passphrase: Annotated[str | None, Doc("Decrypts the private key."), SECRET] = None
    ca_path: Annotated[str | None, Doc("More intermediate certificates in PEM."), UNUSED] = None
    redirect_http: Annotated[
        bool, Doc("Answer plain HTTP on `http_port` with a redirect to HTTPS."), UNUSED, Env("SSL_REDIRECT_HTTP")
    ] = False
    http_port: Annotated[Port | None, Doc("Port of the redirect. null: 80."), UNUSED, Env("SSL_HTTP_PORT")] = 80


class CleanupConfig(Section, frozen=True, kw_only=True):
    async_enabled: Annotated[
        bool, Doc("Clean up after disconnects in the background."), UNUSED, Env("CLEANUP_ASYNC_ENABLED")
    ] = True
    queue_buffer_size: Annotated[
        Count,
        Doc("Disconnects waiting to be told to the other nodes before batches grow."),
        UNUSED,
        ONE_OR_MORE,
        Env("CLEANUP_QUEUE_BUFFER_SIZE"),
    ] = 1024
    batch_size: Annotated[Count, Doc("Disconnects of one batch."), UNUSED, ONE_OR_MORE, Env("CLEANUP_BATCH_SIZE")] = 64
    batch_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait for a batch to fill."), UNUSED, ONE_OR_MORE, Env("CLEANUP_BATCH_TIMEOUT_MS")
    ] = 100
    worker_threads: Annotated[
        Count | Literal["auto"], Doc("Batches under way at once."), UNUSED, ONE_OR_MORE, Env("CLEANUP_WORKER_THREADS")
    ] = "auto"
    max_retry_attempts: Annotated[Count, Doc("Attempts of one batch."), UNUSED, Env("CLEANUP_MAX_RETRY_ATTEMPTS")] = 3
    fallback_to_sync: Annotated[
        bool, Doc("Clean up at once when too many wait."), UNUSED, Env("CLEANUP_FALLBACK_TO_SYNC")
    ] = True


class LoggingConfig(Section, frozen=True, kw_only=True):
    colors_enabled: Annotated[
        bool, Doc("Colours in human-readable lines, on a terminal only."), Env("LOG_COLORS_ENABLED")
    ] = True
    include_target: Annotated[bool, Doc("Name the logger in every line."), Env("LOG_INCLUDE_TARGET")] = True


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
    adapter: AdapterConfig = AdapterConfig()
    app_manager: AppManagerConfig = AppManagerConfig()
    cache: CacheConfig = CacheConfig()
    channel_limits: ChannelLimitsConfig = ChannelLimitsConfig()
    event_limits: EventLimitsConfig = EventLimitsConfig()
    presence: PresenceConfig = PresenceConfig()
    http_api: HttpApiConfig = HttpApiConfig()
    cors: CorsConfig = CorsConfig()
    idempotency: IdempotencyConfig = IdempotencyConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    websocket: WebSocketConfig = WebSocketConfig()
    ssl: SslConfig = SslConfig()
    cleanup: CleanupConfig = CleanupConfig()
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
