"""What the engine is told at start; seconds throughout."""

from __future__ import annotations

from typing import NamedTuple

from ..delta.settings import DeltaSettings

__all__ = ["EngineSettings"]


class EngineSettings(NamedTuple):
    """Server-wide settings of the engine; apps have their own limits."""

    activity_timeout: int = 120
    """Silence before we ping; told to clients."""
    pong_timeout: float = 30.0
    user_authentication_timeout: float = 3600.0
    auto_ping: bool = True
    ping_interval: float = 30.0
    idle_timeout: float = 120.0
    cache_ttl: float = 3600.0
    """How long a cache channel keeps its last event."""
    subscription_count_interval: float = 5.0
    """Pace of counts on channels with more than 100 subscribers."""
    grace: float = 3.0
    """After which the authority tells that somebody or the last subscriber has gone."""
    socket_counting: bool = True
    """`max_connections` holds over all nodes; else on each by itself, which asks nobody."""
    cleanup_batch: int = 64
    """Connections that have ended and are taken out of the tables in one slice, at most."""
    delta: DeltaSettings = DeltaSettings()
    """Deltas and tag filters."""
