"""Where the last events of cache channels are kept: `cache`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import (
    UNUSED,
    Doc,
    Env,
    Large,
    Seconds,
    Section,
    Words,
)
from .names import REDIS_CLUSTER

__all__ = ["CacheConfig", "MemoryCacheConfig"]


class MemoryCacheConfig(Section, frozen=True, kw_only=True):
    """Driver `memory`."""

    ttl: Annotated[Seconds, Doc("Life of an entry that names none. 0: no end."), Env("CACHE_TTL_SECONDS")] = 300
    cleanup_interval: Annotated[
        Seconds,
        Doc("How often expired entries are looked for. 0: only when they are met."),
        Env("CACHE_CLEANUP_INTERVAL"),
    ] = 60
    max_capacity: Annotated[
        Large, Doc("Entries held; the least recently used goes first. 0: store nothing."), Env("CACHE_MAX_CAPACITY")
    ] = 10000


class RedisCacheConfig(Section, frozen=True, kw_only=True):
    """Drivers `redis` and `redis-cluster`."""

    prefix: Annotated[
        str | None, Doc("Begins the keys; another `:` follows. null: `database.redis.key_prefix` and `cache:`.")
    ] = None
    url_override: Annotated[str | None, Doc("Another server than `database.redis`."), Env("REDIS_URL")] = None
    cluster_mode: Annotated[bool, Doc("With driver `redis`: the same as driver `redis-cluster`.")] = False


class CacheConfig(Section, frozen=True, kw_only=True):
    """Where the last event of cache channels is kept."""

    driver: Annotated[
        Literal["memory", "redis", "redis-cluster", "none"],
        Doc("Where the last event of cache channels is kept. `none`: a small memory cache that `/up` does not check."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster")),
        Env("CACHE_DRIVER"),
    ] = "memory"
    memory: MemoryCacheConfig = MemoryCacheConfig()
    redis: Annotated[RedisCacheConfig, UNUSED] = RedisCacheConfig(prefix="sockudo_cache:")
