"""The WebSocket connections: `websocket`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import (
    UNUSED,
    ZERO_IS_NONE,
    Bytes,
    Count,
    Doc,
    Env,
    Large,
    Seconds,
    Section,
    Words,
)

__all__ = ["WebSocketConfig"]


class WebSocketConfig(Section, frozen=True, kw_only=True):
    """The connections of clients."""

    max_messages: Annotated[
        Large | None,
        Doc("Messages waiting for one slow client. null, 0 or `none`: not counted; both limits off means 1000."),
        ZERO_IS_NONE,
        Env("WEBSOCKET_MAX_MESSAGES"),
    ] = 1000
    max_bytes: Annotated[
        Bytes | None,
        Doc("Bytes waiting for one slow client. null, 0 or `none`: not counted."),
        ZERO_IS_NONE,
        Env("WEBSOCKET_MAX_BYTES"),
    ] = 1048576
    disconnect_on_buffer_full: Annotated[
        bool,
        Doc("Disconnect a client beyond these limits with 4100; otherwise drop the new event."),
        Env("WEBSOCKET_DISCONNECT_ON_BUFFER_FULL"),
    ] = False
    max_message_size: Annotated[
        Bytes,
        Doc("Largest inbound message; above it the connection closes with 1009."),
        Env("WEBSOCKET_MAX_MESSAGE_SIZE"),
    ] = 67108864
    max_frame_size: Annotated[
        Bytes, Doc("Largest inbound frame; above it the connection closes with 1009."), Env("WEBSOCKET_MAX_FRAME_SIZE")
    ] = 16777216
    max_inbound_messages_per_second: Annotated[
        Count,
        Doc("Messages of a connection in any second, of every kind; one more closes it with 4100. 0: no limit."),
        Env("WEBSOCKET_MAX_INBOUND_MESSAGES_PER_SECOND"),
    ] = 0
    write_buffer_size: Annotated[
        Bytes, Doc("Bytes gathered before they are written."), UNUSED, Env("WEBSOCKET_WRITE_BUFFER_SIZE")
    ] = 16384
    max_backpressure: Annotated[
        Bytes,
        Doc(
            "Bytes handed over for sending and not yet taken by the kernel, at most; one message may be longer. Above "
            "64 KiB it makes no difference: more are never handed over."
        ),
        Env("WEBSOCKET_MAX_BACKPRESSURE"),
    ] = 1048576
    auto_ping: Annotated[bool, Doc("Send WebSocket pings."), Env("WEBSOCKET_AUTO_PING")] = True
    ping_interval: Annotated[
        Seconds,
        Doc("Between two pings; never less than half of `activity_timeout`."),
        Env("WEBSOCKET_PING_INTERVAL"),
    ] = 30
    idle_timeout: Annotated[
        Seconds,
        Doc("Hard limit of silence, never less than `activity_timeout` + 35. 0: off."),
        Env("WEBSOCKET_IDLE_TIMEOUT"),
    ] = 120
    compression: Annotated[
        Literal[
            "disabled",
            "dedicated",
            "shared",
            "window256b",
            "window1kb",
            "window2kb",
            "window4kb",
            "window8kb",
            "window16kb",
            "window32kb",
        ],
        Doc(
            "permessage-deflate: off; `dedicated` and `window4kb` up compress for each connection, the others once "
            "for all with the same window."
        ),
        Words(fallback="disabled"),
        Env("WEBSOCKET_COMPRESSION"),
    ] = "disabled"
