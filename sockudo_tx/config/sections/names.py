"""Spellings that several keys share."""

from __future__ import annotations

__all__ = ["REDIS_CLUSTER"]

REDIS_CLUSTER = (("redis_cluster", "redis-cluster"), ("rediscluster", "redis-cluster"))
"""Aliases of the driver word `redis-cluster`."""
