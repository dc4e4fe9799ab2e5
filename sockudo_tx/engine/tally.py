"""What was counted since the process began: plain integers, bumped per event and never per delivery.

Nothing is decided by them; `transports/metrics` reads them when Prometheus asks. A broadcast adds its number of
recipients, and its size times that number, once. An app's counts stay when its last connection goes: counters may
not fall. Source: http-api.md 11.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ..protocol.errors import PeerError

__all__ = ["APPS_AT_MOST", "FANOUT_MS", "SYSTEM", "UNKNOWN", "AppTally", "Histogram", "Tally"]

APPS_AT_MOST = 10_000
"""Apps with counts of their own; what comes later is counted as `unknown`."""
UNKNOWN = "unknown"
"""Stands for whatever is no app: keys and ids that strangers make up are never kept."""
SYSTEM = "system"
"""Stands for the server itself, in health calls that name no app."""
FANOUT_MS = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
"""Upper bounds of `broadcast_latency_ms`."""

_CROWDS = ((10, "xs"), (100, "sm"), (1000, "md"), (10000, "lg"))


class Histogram:
    """How often a value fell between two bounds. `counts` has one more entry, for what is beyond the last."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class AppTally:
    """The counts of one app."""

    __slots__ = (
        "call_bytes_received",
        "call_bytes_sent",
        "calls",
        "client_event_checks",
        "client_event_refusals",
        "connections",
        "disconnections",
        "duplicates",
        "errors",
        "fanouts",
        "idempotent",
        "over_quota",
        "received",
        "received_bytes",
        "sent",
        "sent_bytes",
        "subscriptions",
        "unsubscriptions",
    )

    def __init__(self) -> None:
        self.connections = 0
        self.disconnections = 0
        self.over_quota = 0
        """Connections refused because the app had all it may have."""
        self.errors: dict[str, int] = {}
        """By `PeerError.kind`."""
        self.received = 0
        """Well-formed messages of clients; `received_bytes` are those of their texts."""
        self.received_bytes = 0
        self.sent = 0
        """Messages queued for clients, once for each recipient; `sent_bytes` are those of their frames.

        What is dropped later because a client is too slow stays counted here, and is counted as dropped there.
        """
        self.sent_bytes = 0
        self.subscriptions: dict[str, int] = {}
        """By `ChannelName.kind`, like `unsubscriptions`."""
        self.unsubscriptions: dict[str, int] = {}
        self.client_event_checks = 0
        """Client events that were held against the app's rate; `client_event_refusals` were above it."""
        self.client_event_refusals = 0
        self.calls = 0
        """REST calls; sizes are those of bodies."""
        self.call_bytes_received = 0
        self.call_bytes_sent = 0
        self.idempotent = 0
        """Idempotency keys used for the first time; `duplicates` were used again."""
        self.duplicates = 0
        self.fanouts: dict[tuple[str, str], Histogram] = {}
        """Milliseconds from a call to the end of its fan-out, by channel kind and size of the crowd."""

    def entered(self, kind: str) -> None:
        """A socket has entered a channel of this kind."""
        self.subscriptions[kind] = self.subscriptions.get(kind, 0) + 1

    def left(self, kind: str) -> None:
        """A socket has left a channel of this kind, by itself or by disconnecting."""
        self.unsubscriptions[kind] = self.unsubscriptions.get(kind, 0) + 1

    def fanned_out(self, kind: str, recipients: int, milliseconds: float) -> None:
        """An event of a REST call has reached so many clients of this node, at least one."""
        key = (kind, _crowd(recipients))
        found = self.fanouts.get(key)
        if found is None:
            found = self.fanouts[key] = Histogram(FANOUT_MS)
        found.observe(milliseconds)


class Tally:
    """The counts of a process."""

    __slots__ = ("answers", "apps", "system", "unknown")

    def __init__(self) -> None:
        self.unknown = AppTally()
        self.system = AppTally()
        self.apps: dict[str, AppTally] = {}
        """By the id of an app that exists, or did."""
        self.answers: dict[tuple[str, int], int] = {}
        """HTTP answers by route and status. Routes are those of the server, not what clients asked for."""

    def of(self, app_id: str) -> AppTally:
        """The counts of an app of the store. Nobody asks with an id of which that is not known."""
        found = self.apps.get(app_id)
        if found is None:
            if len(self.apps) >= APPS_AT_MOST:
                return self.unknown
            found = self.apps[app_id] = AppTally()
        return found

    def refused(self, app_id: str, fault: PeerError) -> None:
        """A peer is told of a fault; `app_id` is empty while its app is not known."""
        tally = self.of(app_id) if app_id else self.unknown
        kind = fault.kind
        if kind == "over_quota":
            tally.over_quota += 1
        elif kind == "rate_limited":
            tally.client_event_refusals += 1
        elif kind:
            tally.errors[kind] = tally.errors.get(kind, 0) + 1

    def answered(self, route: str, status: int) -> None:
        """An HTTP request was answered."""
        key = (route, status)
        self.answers[key] = self.answers.get(key, 0) + 1


def _crowd(recipients: int) -> str:
    for most, word in _CROWDS:
        if recipients <= most:
            return word
    return "xl"
