"""What was counted since the process began: plain integers, bumped per event and never per delivery.

Nothing is decided by them; `transports/metrics` reads them when Prometheus asks. A broadcast adds its number of
recipients, and its size times that number, once. An app's counts stay when its last connection goes: counters may
not fall. Source: http-api.md 11.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from ..protocol.errors import PeerError

__all__ = [
    "ALL_CHANNELS",
    "APPS_AT_MOST",
    "CROWDS",
    "ENCODE_SECONDS",
    "FANOUT_MS",
    "SYSTEM",
    "UNKNOWN",
    "AppTally",
    "DeltaTally",
    "Histogram",
    "Tally",
]

APPS_AT_MOST = 10_000
"""Apps with counts of their own; what comes later is counted as `unknown`."""
CHANNELS_AT_MOST = 1000
"""Channels of an app with counts of their own, where they have any; what comes later is counted as `all`."""
ALL_CHANNELS = "all"
UNKNOWN = "unknown"
"""Stands for whatever is no app: keys and ids that strangers make up are never kept."""
SYSTEM = "system"
"""Stands for the server itself, in health calls that name no app."""
FANOUT_MS = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
"""Upper bounds of `broadcast_latency_ms`."""
ENCODE_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025)
"""Upper bounds of `delta_encode_seconds`."""

CROWDS = ("xs", "sm", "md", "lg", "xl")
"""Words for how many an event has reached: up to 10, 100, 1000, 10000, or more."""
_CROWDS = (10, 100, 1000, 10000)


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


class DeltaTally:
    """What became of numbered messages, once for each recipient."""

    __slots__ = ("deltas", "full", "original", "saved")

    def __init__(self) -> None:
        self.full = 0
        self.deltas = 0
        self.original = 0
        """Bytes they would have had as full messages."""
        self.saved = 0
        """Bytes of that which were not sent."""


class AppTally:
    """The counts of one app."""

    __slots__ = (
        "backend_event_checks",
        "backend_event_refusals",
        "call_bytes_received",
        "call_bytes_sent",
        "calls",
        "client_event_checks",
        "client_event_refusals",
        "connections",
        "delta_evictions",
        "delta_fallbacks",
        "deltas",
        "disconnections",
        "duplicates",
        "encodings",
        "errors",
        "fanouts",
        "idempotent",
        "message_checks",
        "message_refusals",
        "over_quota",
        "read_checks",
        "read_refusals",
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
        self.errors = _counters()
        """By `PeerError.kind`."""
        self.received = 0
        """Well-formed messages of clients; `received_bytes` are those of their texts."""
        self.received_bytes = 0
        self.sent = 0
        """Messages queued for clients, once for each recipient; `sent_bytes` are those of their frames.

        What is dropped later because a client is too slow stays counted here, and is counted as dropped there.
        """
        self.sent_bytes = 0
        self.subscriptions = _counters()
        """By `ChannelName.kind`, like `unsubscriptions`."""
        self.unsubscriptions = _counters()
        self.client_event_checks = 0
        """Client events that were held against the app's rate; `client_event_refusals` were above it."""
        self.client_event_refusals = 0
        self.message_checks = 0
        """Messages of clients, where their rate is limited; `message_refusals` were above it, and the last."""
        self.message_refusals = 0
        self.backend_event_checks = 0
        """Events that REST calls published or wanted to, where the app has a limit; `backend_event_refusals` were above
        it."""
        self.backend_event_refusals = 0
        self.read_checks = 0
        """Reading calls, where the app has a limit; `read_refusals` were above it."""
        self.read_refusals = 0
        self.calls = 0
        """REST calls; sizes are those of bodies."""
        self.call_bytes_received = 0
        self.call_bytes_sent = 0
        self.idempotent = 0
        """Idempotency keys used for the first time; `duplicates` were used again."""
        self.duplicates = 0
        self.deltas: dict[str, DeltaTally] = {}
        """By channel, or all of them as `ALL_CHANNELS`."""
        self.delta_fallbacks = _counters()
        """Messages that were full although there was a base: by `interval`, `age`, `size`, `bases`, `error`,
        `coordinated`."""
        self.delta_evictions = 0
        """Conflation keys forgotten because there were too many or too large ones."""
        self.encodings = Histogram(ENCODE_SECONDS)
        """Milliseconds to write a delta."""
        self.fanouts: dict[str, tuple[Histogram, ...]] = {}
        """Milliseconds from a call to the end of its fan-out, by channel kind, and there for each of `CROWDS`."""

    def deltas_of(self, channel: str) -> DeltaTally:
        """The counts of this channel; what is beyond so many channels is counted together."""
        found = self.deltas.get(channel)
        if found is None:
            if len(self.deltas) >= CHANNELS_AT_MOST and channel != ALL_CHANNELS:
                return self.deltas_of(ALL_CHANNELS)
            found = self.deltas[channel] = DeltaTally()
        return found

    def fanned_out(self, kind: str, recipients: int, milliseconds: float) -> None:
        """An event of a REST call has reached so many clients of this node, at least one."""
        crowds = self.fanouts.get(kind)
        if crowds is None:
            crowds = self.fanouts[kind] = tuple([Histogram(FANOUT_MS) for _ in CROWDS])
        histogram = crowds[bisect_left(_CROWDS, recipients)]
        histogram.counts[bisect_left(FANOUT_MS, milliseconds)] += 1
        histogram.sum += milliseconds


class Tally:
    """The counts of a process."""

    __slots__ = ("answers", "apps", "system", "unknown")

    def __init__(self) -> None:
        self.unknown = AppTally()
        self.system = AppTally()
        self.apps: dict[str, AppTally] = {}
        """By the id of an app that exists, or did."""
        self.answers: defaultdict[tuple[str, int], int] = defaultdict(int)
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
        elif kind == "messages_limited":
            tally.message_refusals += 1
        elif kind:
            tally.errors[kind] += 1


def _counters() -> defaultdict[str, int]:
    return defaultdict(int)
