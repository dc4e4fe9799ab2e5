"""One node among several: `instance`, `adapter`, `cleanup`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import (
    SECRET,
    SPLITS,
    UNUSED,
    Bytes,
    Count,
    Doc,
    Env,
    Large,
    Milliseconds,
    Section,
    Words,
)
from ..rules import NOT_EMPTY, ONE_OR_MORE, WORKERS
from .names import REDIS_CLUSTER
from .redis import NODE_VARIABLES

__all__ = ["AdapterConfig", "CleanupConfig", "ClusterHealthConfig", "InstanceConfig"]


class InstanceConfig(Section, frozen=True, kw_only=True):
    """This process."""

    process_id: Annotated[
        str | None,
        Doc("Label of this process in logs and metrics. Unset: a random UUID each start. Not the cluster's node id."),
        UNUSED,
        Env("INSTANCE_PROCESS_ID"),
    ] = None
    workers: Annotated[
        Count | Literal["auto"],
        Doc("Processes that serve clients; `auto`: one for each CPU that may be used. More than one need a parent."),
        WORKERS,
        Env("SOCKUDO_WORKERS"),
    ] = 1


class RedisOptions(Section, frozen=True, kw_only=True):
    """One connection."""

    url: Annotated[str | None, Doc("Another server than `database.redis`."), Env("REDIS_URL")] = None


class RedisAdapterConfig(Section, frozen=True, kw_only=True):
    """Driver `redis`; also `redis-cluster`, where `adapter.cluster` says nothing else."""

    requests_timeout: Annotated[Milliseconds, Doc("Longest wait for the answers of other nodes."), ONE_OR_MORE] = 5000
    prefix: Annotated[str, Doc("Begins the names of channels and keys.")] = "sockudo_adapter:"
    redis_pub_options: RedisOptions = RedisOptions()
    redis_sub_options: RedisOptions = RedisOptions()
    cluster_mode: Annotated[bool, Doc("The same as driver `redis-cluster`.")] = False


class RedisClusterAdapterConfig(Section, frozen=True, kw_only=True):
    """Driver `redis-cluster`."""

    nodes: Annotated[
        tuple[str, ...], Doc("Some nodes of the cluster. Empty: those of `database.redis`."), *NODE_VARIABLES
    ] = ()
    prefix: Annotated[str, Doc("Begins the names of channels and keys.")] = "sockudo_adapter:"
    request_timeout_ms: Annotated[Milliseconds, Doc("Longest wait for the answers of other nodes."), ONE_OR_MORE] = 1000
    use_connection_manager: Annotated[bool, Doc("Changes nothing here.")] = True
    use_sharded_pubsub: Annotated[bool, Doc("Sharded publish and subscribe; needs Redis 7.")] = False


class NatsConfig(Section, frozen=True, kw_only=True):
    """Driver `nats`."""

    servers: Annotated[
        tuple[str, ...], Doc("Servers; one text with commas in it works too."), SPLITS, NOT_EMPTY, Env("NATS_SERVERS")
    ] = ("nats://localhost:4222",)
    prefix: Annotated[str, Doc("Begins the subjects.")] = "sockudo_adapter:"
    request_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait for the answers of other nodes."), ONE_OR_MORE, Env("NATS_REQUEST_TIMEOUT_MS")
    ] = 5000
    connection_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait for a connection."), ONE_OR_MORE, Env("NATS_CONNECTION_TIMEOUT_MS")
    ] = 5000
    username: Annotated[str | None, Doc("Used with its password only."), Env("NATS_USERNAME")] = None
    password: Annotated[str | None, Doc("Belongs to the user."), SECRET, Env("NATS_PASSWORD")] = None
    token: Annotated[str | None, Doc("Used when user and password are not both set."), SECRET, Env("NATS_TOKEN")] = None
    nodes_number: Annotated[Count | None, Doc("Nodes expected in the cluster.")] = None


class ClusterHealthConfig(Section, frozen=True, kw_only=True):
    """How servers notice that another one is gone."""

    enabled: Annotated[bool, Doc("Notice nodes that died and clean up after them."), Env("CLUSTER_HEALTH_ENABLED")] = (
        True
    )
    heartbeat_interval_ms: Annotated[
        Milliseconds,
        Doc("Between two signs of life; at most a third of the node timeout."),
        ONE_OR_MORE,
        Env("CLUSTER_HEALTH_HEARTBEAT_INTERVAL"),
    ] = 5000
    node_timeout_ms: Annotated[
        Milliseconds,
        Doc("A node silent for this long is dead."),
        ONE_OR_MORE,
        Env("CLUSTER_HEALTH_NODE_TIMEOUT"),
    ] = 15000
    cleanup_interval_ms: Annotated[
        Milliseconds,
        Doc("How often dead nodes are looked for; at most the node timeout."),
        ONE_OR_MORE,
        Env("CLUSTER_HEALTH_CLEANUP_INTERVAL"),
    ] = 5000


class AdapterConfig(Section, frozen=True, kw_only=True):
    """What connects several servers, so that an event published to one reaches the clients of all."""

    driver: Annotated[
        Literal["local", "redis", "redis-cluster", "nats"],
        Doc("What connects several servers. `local`: one server with its workers, nothing outside this machine."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster", "nats")),
        Env("ADAPTER_DRIVER"),
    ] = "local"
    buffer_multiplier_per_cpu: Annotated[
        Large,
        Doc("Changes nothing here: fan-out has no such buffer."),
        UNUSED,
        Env("ADAPTER_BUFFER_MULTIPLIER_PER_CPU"),
    ] = 64
    enable_socket_counting: Annotated[
        bool,
        Doc("Hold `max_connections` over all servers and workers. Off: each by itself, which asks nobody."),
        Env("ADAPTER_ENABLE_SOCKET_COUNTING"),
    ] = True
    fanout: Annotated[
        Literal["channel", "global"],
        Doc("Tell other nodes of what they have subscribers for, or of everything."),
        Words(),
        UNUSED,
    ] = "channel"
    state: Annotated[
        Literal["auto", "peer"], Doc("Changes nothing here: the driver says where shared state is."), Words(), UNUSED
    ] = "auto"
    ordering: Annotated[
        Literal["local_first", "total"],
        Doc("`total`: every node sees events of several publishers in the same order, at the price of a round trip."),
        Words(),
        UNUSED,
    ] = "local_first"
    on_bus_loss: Annotated[
        Literal["accept", "reject"],
        Doc("What publishers are told while other nodes cannot be reached: 200 at first, or 503 at once."),
        Words(),
    ] = "accept"
    publish_buffer_messages: Annotated[Count, Doc("Events kept for other nodes meanwhile.")] = 10000
    publish_buffer_bytes: Annotated[Bytes, Doc("Their bytes, at most.")] = 16777216
    publish_buffer_ms: Annotated[Milliseconds, Doc("Their age, at most.")] = 5000
    repair_window_ms: Annotated[Milliseconds, Doc("Gaps shorter than this are repaired. 0: none."), UNUSED] = 10000
    read_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait of a reading HTTP call for other nodes."), ONE_OR_MORE
    ] = 1000
    isolated_close_after_ms: Annotated[
        Milliseconds, Doc("Disconnect the clients of a node cut off for this long. 0: never."), UNUSED
    ] = 0
    fallback_to_local: Annotated[bool, Doc("Start as a single node when the others cannot be reached."), UNUSED] = False
    start_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait for the connection to the others at start."), UNUSED
    ] = 10000
    redis: Annotated[RedisAdapterConfig, UNUSED] = RedisAdapterConfig()
    cluster: Annotated[RedisClusterAdapterConfig, UNUSED] = RedisClusterAdapterConfig()
    nats: Annotated[NatsConfig, UNUSED] = NatsConfig()
    cluster_health: Annotated[ClusterHealthConfig, UNUSED] = ClusterHealthConfig()


class CleanupConfig(Section, frozen=True, kw_only=True):
    """Cleaning up after connections that have ended. Nothing of it is ever dropped or skipped, whatever these say."""

    async_enabled: Annotated[
        bool, Doc("Clean up after disconnects in the background."), UNUSED, Env("CLEANUP_ASYNC_ENABLED")
    ] = True
    queue_buffer_size: Annotated[
        Large,
        Doc("Changes waiting to be told to other processes before batches grow; it limits nothing."),
        ONE_OR_MORE,
        Env("CLEANUP_QUEUE_BUFFER_SIZE"),
    ] = 1024
    batch_size: Annotated[
        Large,
        Doc("Disconnects cleaned up in one go, at most; fewer when they were in many channels."),
        ONE_OR_MORE,
        Env("CLEANUP_BATCH_SIZE"),
    ] = 64
    batch_timeout_ms: Annotated[
        Milliseconds,
        Doc("Changes right behind one another are told to other processes together, at most this late."),
        ONE_OR_MORE,
        Env("CLEANUP_BATCH_TIMEOUT_MS"),
    ] = 100
    worker_threads: Annotated[
        Large | Literal["auto"],
        Doc("Batches under way to other processes at once; `auto`: 4."),
        ONE_OR_MORE,
        Env("CLEANUP_WORKER_THREADS"),
    ] = "auto"
    max_retry_attempts: Annotated[
        Count, Doc("Attempts to tell the other nodes."), UNUSED, Env("CLEANUP_MAX_RETRY_ATTEMPTS")
    ] = 3
    fallback_to_sync: Annotated[
        bool, Doc("Clean up at once when too many wait."), UNUSED, Env("CLEANUP_FALLBACK_TO_SYNC")
    ] = True
