"""Values that mean something else than they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from ..schema import Config
from .advice import Advice, Rule, Written

__all__ = ["RULES"]


def _limiter_none(config: Config, written: Written) -> Iterator[Advice]:
    if config.rate_limiter.enabled and config.rate_limiter.driver == "none":
        yield Advice(
            ("rate_limiter.driver", "rate_limiter.enabled"),
            "none limits like memory",
            "as in Sockudo, it does not switch the limits off",
            "Write memory, or set rate_limiter.enabled to false (RATE_LIMITER_ENABLED)",
        )


def _state(config: Config, written: Written) -> Iterator[Advice]:
    if config.adapter.state == "peer":
        yield Advice(
            ("adapter.state",),
            "has no effect",
            "shared state is where the driver keeps it",
            "Remove it",
        )


def _cluster_mode(config: Config, written: Written) -> Iterator[Advice]:
    """A switch that Sockudo itself does not read (configuration.md 2.4)."""
    if config.adapter.driver == "redis" and config.adapter.redis.cluster_mode:
        yield Advice(
            ("adapter.redis.cluster_mode",),
            "makes this the driver redis-cluster",
            "Sockudo itself does not look at it and would use a single server",
            "Write redis-cluster as adapter.driver (ADAPTER_DRIVER), or remove it",
        )


RULES: tuple[Rule, ...] = (_limiter_none, _state, _cluster_mode)
