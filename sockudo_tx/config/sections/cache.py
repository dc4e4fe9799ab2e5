"""Where the last events of cache channels are kept: `cache`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import (
    Count,
    Doc,
    Env,
    Seconds,
    Section,
    Words,
)
from .names import REDIS_CLUSTER

__all__ = ["CacheConfig", "MemoryCacheConfig"]


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
