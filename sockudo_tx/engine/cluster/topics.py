"""Names of what nodes listen to (scaling.md 4.2). A driver may name them otherwise on its wire."""

from __future__ import annotations

__all__ = ["CONTROL", "channel_key", "channel_topic", "node_topic", "user_topic"]

CONTROL = "x"
"""Everybody's."""


def channel_topic(app_id: str, channel: str) -> str:
    """A channel's events and presence changes, for nodes with subscribers."""
    return f"c\0{app_id}\0{channel}"


def user_topic(app_id: str, user_id: str) -> str:
    """A user's events, and whether it is online, for nodes with sockets that are signed in as the user or watch it."""
    return f"u\0{app_id}\0{user_id}"


def node_topic(node: str) -> str:
    """One node's own."""
    return f"n\0{node}"


def channel_key(topic: str) -> tuple[str, str] | None:
    """App id and channel of a channel's topic; None of any other."""
    kind, _, rest = topic.partition("\0")
    if kind != "c":
        return None
    app_id, _, channel = rest.partition("\0")
    return app_id, channel
