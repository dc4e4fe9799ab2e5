"""Several nodes: what each would keep for itself although the others need it."""

from __future__ import annotations

from collections.abc import Iterator

from ..schema import Config
from .advice import Advice, Rule, Written

__all__ = ["RULES"]


def _stores(config: Config, written: Written) -> Iterator[Advice]:
    """Memory of one process beside an adapter that connects several."""
    if config.adapter.driver == "local":
        return
    why = f"adapter.driver is {config.adapter.driver}, so there are other nodes, and each keeps its own"
    if config.cache.driver in ("memory", "none"):
        yield Advice(
            ("cache.driver", "adapter.driver"),
            f"{config.cache.driver} is not shared between nodes",
            f"{why}: a client of another node gets no last event, or an older one, from a cache channel",
            "Use redis or redis-cluster (CACHE_DRIVER)",
        )
    if config.rate_limiter.enabled and config.rate_limiter.driver in ("memory", "none"):
        yield Advice(
            ("rate_limiter.driver", "adapter.driver"),
            f"{config.rate_limiter.driver} is not shared between nodes",
            f"{why} count: a client may ask that often of every node",
            "Use redis or redis-cluster (RATE_LIMITER_DRIVER), or divide the limits by the number of nodes",
        )
    cache = config.app_manager.cache
    if config.app_manager.driver != "memory" and cache.enabled and (cache.ttl == 0 or cache.ttl > 3600):
        how_long = "for ever" if cache.ttl == 0 else f"for {cache.ttl} seconds"
        yield Advice(
            ("app_manager.cache.ttl", "adapter.driver"),
            f"keeps changed apps as they were {how_long}",
            f"{why} copy of what the database says",
            "Use 300 seconds or less",
        )


RULES: tuple[Rule, ...] = (_stores,)
