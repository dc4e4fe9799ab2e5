"""How often a client may ask: the limits of the REST API and of upgrades (http-api.md 9).

Both count by client address, over all apps. Upgrades count with the calls of the API unless they have a limit of their
own (decisions.md 44). Health, usage, preflights and unknown paths are never counted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from twisted.internet.defer import Deferred

from ...interfaces import Answer, ILimiter
from ...protocol.errors import RestError, TooManyRequests
from ...protocol.limits import Quota, Verdict
from ..addresses import client_address, network_of
from .call import HttpRequest
from .settings import LimitSettings, RateLimitSettings

__all__ = ["Checked", "Count", "RateLimits"]

API = "api_rate_limit"
WEBSOCKET = "websocket_rate_limit"
_NAMES = {API: "api", WEBSOCKET: "websocket_connect"}


class Count:
    """How often a limit was asked, and how often it refused."""

    __slots__ = ("checks", "triggered")

    def __init__(self) -> None:
        self.checks = 0
        self.triggered = 0


class Checked(NamedTuple):
    """What came of it for one request."""

    lines: bytes
    """Header lines for the answer, whatever that is."""
    fault: RestError | None
    """Why it is refused."""


class _Gate:
    """One limit, in one place."""

    __slots__ = ("_count", "_hops", "_limiter", "_name", "_quota")

    def __init__(self, limiter: ILimiter, name: str, settings: LimitSettings, count: Count) -> None:
        self._limiter = limiter
        self._name = name
        self._quota = Quota(settings.max_requests, settings.window)
        self._hops = settings.hops
        self._count = count

    def check(self, request: HttpRequest) -> Answer[Checked]:
        address = client_address(request.channel.address, request.requestHeaders, self._hops)
        self._count.checks += 1
        answer = self._limiter.take(f"{self._name}:{network_of(address)}", self._quota)
        return answer.addCallback(self._judge) if isinstance(answer, Deferred) else self._judge(answer)

    def _judge(self, verdict: Verdict) -> Checked:
        seconds = math.ceil(verdict.reset)
        fault = None
        if not verdict.allowed:
            self._count.triggered += 1
            seconds = max(seconds, 1)
            fault = TooManyRequests(seconds)
        lines = b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\nX-RateLimit-Reset: %d\r\n" % (
            verdict.most,
            verdict.left,
            seconds,
        )
        return Checked(lines, fault)


class RateLimits:
    """The limits of a port. Without a limiter, or switched off, there are none, and nothing costs."""

    def __init__(self, limiter: ILimiter | None, settings: RateLimitSettings) -> None:
        self._limiter = limiter
        self.api: _Gate | None = None
        """For signed calls."""
        self.upgrades: _Gate | None = None
        """For WebSockets."""
        self.on = False
        """Whether there is any."""
        self.counts: dict[tuple[str, str], Count] = {}
        """By `limiter_type` and `request_context` of the metrics (http-api.md 11.7)."""
        self.adjust(settings)

    def adjust(self, settings: RateLimitSettings) -> None:
        """These limits from the next request on. What was counted stays counted."""
        self.api = self.upgrades = None
        self.on = self._limiter is not None and settings.enabled
        if not self.on:
            return
        self.api = self._gate(API, "http_api", settings.api)
        if settings.websocket is not None:
            self.upgrades = self._gate(WEBSOCKET, "websocket_upgrade", settings.websocket)
        else:
            self.upgrades = self._gate(API, "websocket_upgrade", settings.api)

    def _gate(self, limit: str, context: str, settings: LimitSettings) -> _Gate | None:
        if not settings.max_requests or self._limiter is None:
            return None
        count = self.counts.setdefault((limit, context), Count())
        return _Gate(self._limiter, _NAMES[limit], settings, count)
