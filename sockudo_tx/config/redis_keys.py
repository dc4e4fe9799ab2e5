"""How the keys of each part begin in Redis, byte for byte as the reference writes them (configuration.md 2.2, 0.1).

Prefixes usually end with a colon already, and another one follows.
"""

from __future__ import annotations

from .schema import Config

__all__ = ["cache_keys", "limiter_keys", "queue_keys"]

QUEUE_PREFIX = "sockudo_queue:"


def cache_keys(config: Config) -> str:
    """What stands before the key of a cache entry."""
    prefix = config.cache.redis.prefix
    return f"{config.database.redis.key_prefix}cache::" if prefix is None else f"{prefix}:"


def limiter_keys(config: Config) -> str:
    """What stands before the name of a limit."""
    prefix = config.rate_limiter.redis.prefix
    return f"{config.database.redis.key_prefix}rl_http::rl:" if prefix is None else f"{prefix}:rl:"


def queue_keys(config: Config) -> str:
    """What stands before the name of a queue."""
    queue = config.queue
    clustered = queue.driver == "redis-cluster" or queue.redis.cluster_mode
    prefix = queue.redis_cluster.prefix if clustered else queue.redis.prefix
    return f"{QUEUE_PREFIX if prefix is None else prefix}:queue:"
