"""What the port and its WebSockets can be told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ListenerSettings", "WebSocketSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """What strangers may ask of a port before anybody knows who they are. Times in seconds; a limit of 0 is none."""

    header_timeout: float = 10.0
    """How long a request head may take, from its first byte."""
    idle_timeout: float = 60.0
    """How long a connection may be silent before, between and within requests."""
    max_header_bytes: int = 16 * 1024
    """Longest request head."""
    max_pending: int = 10_000
    """Connections that have not sent a whole head yet; above it the oldest go."""
    max_connections_per_address: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketSettings:
    """Limits and habits of a port's connections. Sizes in bytes, times in seconds.

    Source: configuration.md 2.15, protocol.md 18, scaling.md 8.
    """

    max_message_size: int = 64 * 1024 * 1024
    """Longest inbound message, all fragments together; 0 is no limit."""
    max_frame_size: int = 16 * 1024 * 1024
    """Longest inbound frame; 0 is no limit."""
    max_messages_per_second: int = 0
    """Inbound messages of a connection in any second; one that sends more is closed. 0 is no limit."""
    max_messages: int | None = 1000
    """Outbound messages queued for a client that does not read."""
    max_bytes: int | None = None
    """Outbound bytes queued for a client that does not read."""
    max_backpressure: int = 1024 * 1024
    """Outbound bytes handed over at once to a connection that takes them as it can; never more than 64 KiB are."""
    disconnect_on_buffer_full: bool = False
    """Disconnect such a client instead of dropping events for it."""
    compression: str = "disabled"
    """A mode of `deflate`."""
    path_prefix: str = "/"
    close_timeout: float = 5.0
    """How long a peer may take to read and answer a Close frame."""
