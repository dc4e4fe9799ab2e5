"""How many connections a database gets (configuration.md 2.9)."""

from __future__ import annotations

from typing import NamedTuple

from .schema import Config
from .sections.databases import MySqlConfig, PostgresConfig

__all__ = ["Pool", "pool_of"]


class Pool(NamedTuple):
    """Connections kept ready, connections at most, and seconds to wait for one."""

    least: int
    most: int
    timeout: int


def pool_of(config: Config, database: MySqlConfig | PostgresConfig) -> Pool:
    """The pool of one database; a minimum above the maximum counts as the maximum."""
    pooling = config.database_pooling
    if not pooling.enabled:
        return Pool(0, max(1, database.connection_pool_size), pooling.timeout)
    least = pooling.min if database.pool_min is None else database.pool_min
    most = max(1, pooling.max if database.pool_max is None else database.pool_max)
    return Pool(min(least, most), most, pooling.timeout)
