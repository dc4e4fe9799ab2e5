"""The Redis server or cluster that several parts share: `database.redis`."""

from __future__ import annotations

from typing import Annotated

from ..declare import SECRET, Count, Doc, Env, Port, Section

__all__ = ["NODE_VARIABLES", "ClusterNode", "RedisClusterConfig", "RedisConfig", "SentinelNode"]

NODE_VARIABLES = (Env("REDIS_CLUSTER_NODES", empty=()), Env("DATABASE_REDIS_CLUSTER_NODES", empty=()))
"""The variables that set every list of cluster nodes; the later one wins."""


class SentinelNode(Section, frozen=True, kw_only=True):
    """A sentinel."""

    host: Annotated[str, Doc("Host name or address.")] = "localhost"
    port: Annotated[Port, Doc("Its port.")] = 26379


class ClusterNode(Section, frozen=True, kw_only=True):
    """A node of a cluster."""

    host: Annotated[str, Doc("Host name, address, `host:port` or `redis://` address.")] = "127.0.0.1"
    port: Annotated[Port, Doc("Port, when `host` names none.")] = 7000


class RedisClusterConfig(Section, frozen=True, kw_only=True):
    """Its cluster, for drivers `redis-cluster`."""

    nodes: Annotated[
        tuple[ClusterNode, ...], Doc("Some nodes of the cluster; the others are found."), *NODE_VARIABLES
    ] = ()
    username: Annotated[
        str | None, Doc("Unset: `database.redis.username`."), Env("DATABASE_REDIS_CLUSTER_USERNAME", empty=None)
    ] = None
    password: Annotated[
        str | None, Doc("Unset: `database.redis.password`."), SECRET, Env("DATABASE_REDIS_CLUSTER_PASSWORD", empty=None)
    ] = None
    use_tls: Annotated[
        bool, Doc("TLS to nodes whose address names no scheme."), Env("DATABASE_REDIS_CLUSTER_USE_TLS")
    ] = False


class RedisConfig(Section, frozen=True, kw_only=True):
    """The Redis server that adapter, cache, queue and rate limiter share unless they name another."""

    host: Annotated[str, Doc("Host name or address; `rediss://` in front means TLS."), Env("DATABASE_REDIS_HOST")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, Doc("Its port."), Env("DATABASE_REDIS_PORT")] = 6379
    db: Annotated[Count, Doc("Number of the database."), Env("DATABASE_REDIS_DB")] = 0
    username: Annotated[
        str | None, Doc("User to log in as. An empty variable means none."), Env("DATABASE_REDIS_USERNAME", empty=None)
    ] = None
    password: Annotated[
        str | None, Doc("An empty variable means none."), SECRET, Env("DATABASE_REDIS_PASSWORD", empty=None)
    ] = None
    key_prefix: Annotated[
        str,
        Doc("Begins keys that have no prefix of their own."),
        Env("DATABASE_REDIS_KEY_PREFIX", empty=""),
    ] = "sockudo:"
    sentinels: Annotated[
        tuple[SentinelNode, ...], Doc("Sentinels to ask for the server; `host` is not used then.")
    ] = ()
    sentinel_password: Annotated[str | None, Doc("Password of the sentinels themselves."), SECRET] = None
    name: Annotated[str, Doc("What the sentinels call the server.")] = "mymaster"
    cluster: RedisClusterConfig = RedisClusterConfig()
    cluster_nodes: Annotated[
        tuple[ClusterNode, ...], Doc("Older name of `database.redis.cluster.nodes`."), *NODE_VARIABLES
    ] = ()
