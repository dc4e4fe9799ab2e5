"""When a silent connection is pinged and when it is given up (protocol.md 5). Pure: time is an argument."""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

__all__ = ["Liveness", "Pulse", "Step"]


class Step(Enum):
    """What is due for a connection."""

    WAIT = "nothing yet"
    PING = "send pusher:ping"
    NATIVE_PING = "send a WebSocket Ping frame"
    GIVE_UP = "close 4201: no answer to our ping"
    UNAUTHORIZED = "close 4009: not authorized in time"
    IDLE = "close 4202: silent beyond the hard limit"


class Pulse:
    """What liveness knows of one connection; times in seconds of one clock."""

    __slots__ = ("authorize_by", "heard_at", "native_pinged_at", "pinged_at")

    def __init__(self, now: float, authorize_by: float | None) -> None:
        self.heard_at = now
        self.native_pinged_at = now
        self.pinged_at: float | None = None
        """When `pusher:ping` was sent and nothing has been heard since."""
        self.authorize_by = authorize_by
        """The user-authentication deadline; None once met, or when the app has none."""

    def hear(self, now: float) -> None:
        """A sign of life."""
        self.heard_at = now
        self.pinged_at = None

    def hear_answer(self, now: float) -> None:
        """The answer to a native Ping of ours, which libraries give by themselves: it speaks for no client.

        A silent client is asked after `activity_timeout` whatever its library does (P-28, P-33). Once it has been
        asked, any frame will do.
        """
        if self.pinged_at is not None:
            self.hear(now)


class Liveness(NamedTuple):
    """Server-wide timing, in seconds."""

    activity_timeout: float = 120.0
    pong_timeout: float = 30.0
    native_ping_interval: float = 0.0
    """0 sends none."""
    idle_timeout: float = 0.0
    """Hard limit on silence; 0 has none."""

    @classmethod
    def of(
        cls, activity_timeout: float, pong_timeout: float, auto_ping: bool, ping_interval: float, idle_timeout: float
    ) -> Liveness:
        """From the settings of protocol.md 5.4, which keep the native timers behind the protocol's own."""
        native = max(ping_interval, activity_timeout // 2, 5.0) if auto_ping else 0.0
        idle = max(idle_timeout, activity_timeout + pong_timeout + 5.0) if idle_timeout > 0 else 0.0
        return cls(activity_timeout, pong_timeout, native, idle)

    def step(self, pulse: Pulse, now: float) -> Step:
        """What is due now, the gravest first."""
        if pulse.authorize_by is not None and now >= pulse.authorize_by:
            return Step.UNAUTHORIZED
        if pulse.pinged_at is not None and now >= pulse.pinged_at + self.pong_timeout:
            return Step.GIVE_UP
        # Ask before giving up, however long the silence seems: the clock may have been set forward.
        if pulse.pinged_at is None and now >= pulse.heard_at + self.activity_timeout:
            return Step.PING
        if self.idle_timeout and now >= pulse.heard_at + self.idle_timeout:
            return Step.IDLE
        # Not while our `pusher:ping` is out: the answer of a library that knows nothing of Pusher would pass for one.
        if pulse.pinged_at is None and self._native_ping_at(pulse) <= now:
            return Step.NATIVE_PING
        return Step.WAIT

    def next_at(self, pulse: Pulse, now: float) -> float:
        """When `step` may say something new; nobody asks earlier because a frame has come."""
        if pulse.pinged_at is None:
            times = [pulse.heard_at + self.activity_timeout, self._native_ping_at(pulse)]
        else:
            times = [pulse.pinged_at + self.pong_timeout, now + self.activity_timeout]
        if pulse.authorize_by is not None:
            times.append(pulse.authorize_by)
        if self.idle_timeout:
            times.append(pulse.heard_at + self.idle_timeout)
        return min(times)

    def _native_ping_at(self, pulse: Pulse) -> float:
        return pulse.native_pinged_at + self.native_ping_interval if self.native_ping_interval else math.inf
