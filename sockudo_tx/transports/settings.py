"""What the port and its WebSockets can be told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WebSocketSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketSettings:
    """Limits and habits of a port's connections. Sizes in bytes, times in seconds.

    Source: configuration.md 2.15, protocol.md 18, scaling.md 8.
    """

    max_message_size: int = 64 * 1024 * 1024
    """Longest inbound message, all fragments together; 0 is no limit."""
    max_frame_size: int = 16 * 1024 * 1024
    """Longest inbound frame; 0 is no limit."""
    max_messages: int | None = 1000
    """Outbound messages queued for a client that does not read."""
    max_bytes: int | None = None
    """Outbound bytes queued for a client that does not read."""
    disconnect_on_buffer_full: bool = False
    """Disconnect such a client instead of dropping events for it."""
    compression: str = "disabled"
    """A mode of `deflate`."""
    path_prefix: str = "/"
    close_timeout: float = 5.0
    """How long a peer may take to read and answer a Close frame."""
    handshake_timeout: float = 10.0
    """How long a client may take to send the head of its upgrade request."""
