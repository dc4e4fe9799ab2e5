"""What happens to a client that reads more slowly than events come. Source: scaling.md 8, protocol.md 18.2."""

from __future__ import annotations

import math

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .turn import CHUNK

__all__ = ["CONTROL_ALLOWANCE", "SlowConsumers"]

DEFAULT_MESSAGES = 1000
CONTROL_ALLOWANCE = 64
"""Replies and presence messages a queue takes beyond its limits before the client is given up."""

_LOG_INTERVAL = 10.0
_log = Logger()


class SlowConsumers:
    """The limits of every outbound queue of a port, what to do beyond them, and how often it was done.

    A limit of None or 0 is no limit; without either limit a queue holds 1000 messages. `max_backpressure` is how
    many bytes may leave the queue at once for a transport that sends them as it can: one message is always as
    many as may, and more than 64 KiB never are. `dropped` counts messages, `disconnected` clients.
    """

    __slots__ = ("_clock", "at_once", "disconnect", "disconnected", "dropped", "max_bytes", "max_messages")

    def __init__(
        self,
        clock: IReactorTime,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        max_backpressure: int = CHUNK,
        *,
        disconnect: bool = False,
    ) -> None:
        self.dropped = 0
        self.disconnected = 0
        self._clock = clock
        self.adjust(max_messages, max_bytes, max_backpressure, disconnect)

    def adjust(self, max_messages: int | None, max_bytes: int | None, max_backpressure: int, disconnect: bool) -> None:
        """These limits from now on, for queues that are there too."""
        if not max_messages and not max_bytes:
            max_messages = DEFAULT_MESSAGES
        self.max_messages: float = max_messages or math.inf
        self.max_bytes: float = max_bytes or math.inf
        self.at_once = min(max_backpressure, CHUNK)
        self.disconnect = disconnect

    def drop(self, logged_at: float, messages: int) -> float:
        """Count dropped messages. Takes and returns when this connection was last mentioned in the log."""
        self.dropped += messages
        now = self._clock.seconds()
        if now - logged_at < _LOG_INTERVAL:
            return logged_at
        _log.info("A client reads too slowly: dropping events for it. {dropped} dropped in all", dropped=self.dropped)
        return now

    def give_up(self, queued: int, size: int) -> str:
        """Count a disconnection; the detail told to the client."""
        self.disconnected += 1
        _log.info("A client reads too slowly: disconnecting it. {total} in all", total=self.disconnected)
        if queued >= self.max_messages:
            return f"message limit: {self.max_messages}"
        return f"byte limit: {self.max_bytes}, message size: {size} bytes"
