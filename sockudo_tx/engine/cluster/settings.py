"""What a node of many is told at start; seconds throughout."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ClusterSettings"]


class ClusterSettings(NamedTuple):
    """Settings of the cluster logic."""

    heartbeat: float = 5.0
    """Between two renewals of the node's lease."""
    lease: float = 15.0
    """How long the others wait for a renewal before they take the node for dead."""
    confirm_within: float = 1.0
    """How long a subscription waits for the bus before it goes on without."""
    mirror_within: float = 0.5
    """How long a new member waits for its own change before the member list is fetched."""
    linger: float = 10.0
    """How long a topic is kept when nobody needs it any more."""
    audit: float = 60.0
    """Between two comparisons of the member lists with the authority, about."""
    remember: float = 60.0
    """How long the position in a topic is remembered."""
    buffer_frames: int = 10_000
    """Published while the bus is down, and kept for when it is up again: so many at most,"""
    buffer_bytes: int = 16 * 1024 * 1024
    """so many bytes,"""
    buffer_age: float = 5.0
    """and none older than this."""
    refuse_when_down: bool = False
    """Publishing is refused as soon as the bus is down, not only when what is published would be lost."""
