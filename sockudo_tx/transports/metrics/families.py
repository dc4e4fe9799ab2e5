"""Every metric, declared once: name without prefix, type, help and labels. Source: http-api.md 11.4, scaling.md 15.

The names of the first part are those of Sockudo's dashboards, which is why some counters lack `_total` and some gauges
have it. Families that nothing feeds in this version (other nodes, Redis Cluster) are declared, and not printed: a
labelled family without samples is left out. The second part is ours.

Each says too how the values of several workers become one (decisions.md 25).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ...engine.tally import ENCODE_SECONDS, FANOUT_MS

__all__ = ["FAMILIES", "LAG_MS", "Family", "Rule"]

Rule = Literal["total", "sum", "max", "min"]
"""What several processes make of a family. `total` is a sum that keeps what processes counted that have ended."""

LAG_MS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
"""Upper bounds of `reactor_lag_ms`."""

_RESOLVE_MS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Family(NamedTuple):
    """A metric. `port` among its labels is that of the metrics themselves, as text."""

    name: str
    """As printed, but for the prefix that all have whose name does not begin with `process_`."""
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, without the infinite one."""
    rule: Rule = "sum"

    @property
    def prefixed(self) -> bool:
        return not self.name.startswith("process_")


FAMILIES: list[Family] = []
"""All of them, in the order they are declared in."""

_PORT = ("port",)
_APP = ("app_id", "port")
_KIND = ("app_id", "port", "channel_type")
_LIMITER = ("app_id", "port", "limiter_type", "request_context")
_DELTA = ("app_id", "port", "channel_name")
_TRANSPORT = ("transport_type",)
_WORKER = ("port", "worker")


def _counter(name: str, labels: tuple[str, ...], text: str) -> Family:
    return _declared(Family(name, "counter", text, labels, rule="total"))


def _gauge(name: str, labels: tuple[str, ...], text: str, rule: Rule = "sum") -> Family:
    return _declared(Family(name, "gauge", text, labels, rule=rule))


def _histogram(name: str, labels: tuple[str, ...], bounds: tuple[float, ...], text: str) -> Family:
    return _declared(Family(name, "histogram", text, labels, bounds, "total"))


def _declared(family: Family) -> Family:
    FAMILIES.append(family)
    return family


RESIDENT_MEMORY = _gauge("process_resident_memory_bytes", (), "Resident memory size in bytes.")
VIRTUAL_MEMORY = _gauge("process_virtual_memory_bytes", (), "Virtual memory size in bytes.")
CPU_SECONDS = _gauge("process_cpu_seconds_total", (), "User and system CPU time spent, in seconds.", "total")
START_TIME = _gauge("process_start_time_seconds", (), "When the process began, in Unix seconds.", "min")
OPEN_FDS = _gauge("process_open_fds", (), "Open file descriptors; with workers of the process that has most.", "max")
MAX_FDS = _gauge("process_max_fds", (), "Open file descriptors at most (soft limit), for each process.", "min")

CONNECTED = _gauge("connected", _APP, "Open WebSocket connections of this node.")
CONNECTIONS = _counter("new_connections_total", _APP, "WebSocket connections established.")
DISCONNECTIONS = _counter("new_disconnections_total", _APP, "WebSocket connections ended, each once.")
ERRORS = _counter(
    "connection_errors_total",
    (*_APP, "error_type"),
    "Connections refused and faults clients were told of. app_id is unknown while the app is.",
)
RECEIVED_BYTES = _counter("socket_received_bytes", _APP, "Bytes of clients' messages, after decompression.")
SENT_BYTES = _counter(
    "socket_transmitted_bytes",
    _APP,
    "Bytes of frames queued for clients, a broadcast's once for each recipient; with a compression context of the "
    "client's own, before compression.",
)
RECEIVED = _counter("ws_messages_received_total", _APP, "Well-formed messages of clients.")
SENT = _counter("ws_messages_sent_total", _APP, "Messages queued for clients, a broadcast's once for each recipient.")
HTTP_RECEIVED = _counter("http_received_bytes", _APP, "Bytes of request bodies of API calls.")
HTTP_SENT = _counter("http_transmitted_bytes", _APP, "Bytes of answer bodies of API calls.")
HTTP_CALLS = _counter("http_calls_received_total", _APP, "API calls, whatever their status; health checks as system.")
_histogram("horizontal_adapter_resolve_time", _APP, _RESOLVE_MS, "Milliseconds to collect other nodes' answers.")
_counter("horizontal_adapter_resolved_promises", _APP, "Requests to other nodes that produced a result.")
_counter("horizontal_adapter_uncomplete_promises", _APP, "Requests to other nodes that produced none.")
_counter("horizontal_adapter_sent_requests", _APP, "Requests sent to other nodes.")
_counter("horizontal_adapter_received_requests", _APP, "Requests received from other nodes.")
_counter("horizontal_adapter_received_responses", _APP, "Answers received from other nodes.")
LIMIT_CHECKS = _counter("rate_limit_checks_total", _LIMITER, "Requests and events held against a rate limit.")
LIMIT_HITS = _counter("rate_limit_triggered_total", _LIMITER, "Requests and events above a rate limit.")
SUBSCRIPTIONS = _counter("channel_subscriptions_total", _KIND, "Successful subscriptions.")
UNSUBSCRIPTIONS = _counter("channel_unsubscriptions_total", _KIND, "Subscriptions ended, by request or disconnect.")
CHANNELS = _gauge(
    "active_channels", _KIND, "Channels with a subscriber on this node; on several workers once for each of them."
)
FANOUT = _histogram(
    "broadcast_latency_ms",
    (*_KIND, "recipient_count_bucket"),
    FANOUT_MS,
    "Milliseconds from the head of a publish call to the end of the turn in which its frames left.",
)
_counter("horizontal_delta_compression_enabled_total", _DELTA, "Broadcasts of other nodes handled with delta on.")
DELTA_SAVED = _counter(
    "delta_compression_bandwidth_saved_bytes", _DELTA, "Bytes by which delta messages were shorter than full ones."
)
DELTA_ORIGINAL = _counter(
    "delta_compression_bandwidth_original_bytes", _DELTA, "Bytes of full and delta messages, had all been full."
)
DELTA_FULL = _counter(
    "delta_compression_full_messages_total",
    _DELTA,
    "Numbered full messages, once for each recipient. In all four, what slow clients never get stays counted.",
)
DELTA_DELTAS = _counter("delta_compression_delta_messages_total", _DELTA, "Delta messages, once for each recipient.")
_gauge("redis_cluster_channel_queue_size", _TRANSPORT, "Backlog of Redis Cluster pub/sub.")
_counter("redis_cluster_channel_messages_dropped_total", _TRANSPORT, "Messages dropped on a full backlog.")
_counter("redis_cluster_reconnections_total", _TRANSPORT, "Reconnections to Redis Cluster.")

IDEMPOTENT = _counter("idempotency_publish_total", _APP, "Idempotency keys used for the first time.")
DUPLICATES = _counter("idempotency_duplicates_total", _APP, "Idempotency keys used again, and answered from memory.")
ANSWERS = _counter(
    "http_responses_total", ("port", "route", "status"), "HTTP answers; route is none for unknown paths and preflights."
)
QUOTA = _gauge("connection_limit", _APP, "Connections an app may have, for connected apps that have a limit.", "max")
OVER_QUOTA = _counter("connections_over_quota_total", _APP, "Connections refused because the app had all it may have.")
OUTBOX_CLIENTS = _gauge("outbox_clients", _PORT, "Clients that read more slowly than they are sent to, now.")
OUTBOX_MESSAGES = _gauge("outbox_messages", _PORT, "Messages waiting for such clients.")
OUTBOX_BYTES = _gauge("outbox_bytes", _PORT, "Bytes waiting for such clients.")
SLOW_DROPPED = _counter("slow_consumer_dropped_total", _PORT, "Messages dropped because a client reads too slowly.")
SLOW_DISCONNECTED = _counter("slow_consumer_disconnected_total", _PORT, "Clients disconnected for reading too slowly.")
CLEANUP_BACKLOG = _gauge(
    "cleanup_backlog",
    _PORT,
    "Connections that have ended and wait to be cleaned up behind, and changes that other nodes were not told of yet.",
)
PENDING = _gauge("pending_connections", _PORT, "Connections that have not sent a whole request head.")
REFUSED = _counter(
    "connections_refused_total",
    ("port", "reason"),
    "Connections ended early: pending_limit, late_head, address_limit; unknown_proxy, from elsewhere than a proxy, "
    "and proxy_header, where there was none.",
)
REACTOR_LAG = _histogram("reactor_lag_ms", _PORT, LAG_MS, "Milliseconds by which a timer of the event loop is late.")
REACTOR_STALLS = _counter("reactor_stalls_total", _PORT, "Pauses of the event loop longer than health.stall_ms.")
LOOKUP_STALE = _counter(
    "app_lookup_stale_total", _PORT, "App lookups answered with an old record, the store being ill."
)
DELTA_FALLBACKS = _counter(
    "delta_fallbacks_total",
    (*_APP, "reason"),
    "Messages that were full although there was a base, once for each publish and base: interval, age, size (not "
    "shorter), bases (too many), error, coordinated.",
)
DELTA_EVICTIONS = _counter(
    "delta_evictions_total", _APP, "Conflation keys forgotten because there were too many, or their bases too large."
)
DELTA_ENCODE = _histogram(
    "delta_encode_seconds", _APP, ENCODE_SECONDS, "Seconds to write one delta, once for each publish and base."
)
WEBHOOKS = _counter(
    "webhook_deliveries_total",
    ("app_id", "port", "event", "outcome"),
    "Events in attempts to tell webhooks, by outcome: ok, retry (tried again later), failed (given up) or dropped.",
)
WEBHOOK_DEPTH = _gauge("webhook_queue_depth", _PORT, "Webhook deliveries that wait, those tried again later included.")
HANDSHAKES = _counter("tls_handshakes_total", ("port", "result"), "TLS handshakes: full, resumed or failed.")
CERTIFICATE_EXPIRY = _gauge(
    "certificate_expiry_timestamp_seconds",
    _PORT,
    "When the first certificate of the chain ends, in Unix seconds.",
    "min",
)
CERTIFICATE_RELOADS = _counter("certificate_reloads_total", _PORT, "How often a new certificate was taken up.")
CONFIG_RELOADS = _counter("config_reloads_total", ("port", "result"), "Reloads of the configuration: done or refused.")
CONFIG_RELOADED = _gauge(
    "config_last_reload_timestamp_seconds", _PORT, "When the last reload ended, in Unix seconds.", "max"
)
CONFIG_OK = _gauge("config_last_reload_successful", _PORT, "Whether the last reload did what was asked: 1 or 0.", "min")
DRAINING = _gauge("draining", _PORT, "1 from the first shutdown signal on.", "min")
BUILD = _gauge("build_info", ("version", "python", "twisted", "reactor"), "1, and what runs as labels.", "max")

WORKERS = _gauge("workers", _PORT, "Worker processes there should be.")
WORKERS_READY = _gauge("workers_ready", _PORT, "Workers that serve clients.")
WORKER_RESTARTS = _counter("worker_restarts_total", _PORT, "Workers that ended unasked, and were replaced or given up.")
WORKER_UP = _gauge("worker_up", _WORKER, "Whether the worker has answered this time: 1 or 0.", "max")
WORKER_CONNECTIONS = _gauge("worker_connections", _WORKER, "Open WebSocket connections of the worker.")
WORKER_CPU = _counter("worker_cpu_seconds_total", _WORKER, "CPU time of the worker and those before it, in seconds.")
WORKER_MEMORY = _gauge("worker_resident_memory_bytes", _WORKER, "Resident memory of the worker in bytes.")
HUB_LAG = _histogram("hub_lag_ms", _PORT, LAG_MS, "Milliseconds by which a timer of the hub's event loop is late.")

BUS_UP = _gauge("bus_up", _PORT, "Whether what is published reaches the other nodes: 1 or 0.", "min")
BUS_PUBLISHED = _counter("bus_published_total", _PORT, "Frames given to the bus for other nodes.")
BUS_RECEIVED = _counter("bus_received_total", _PORT, "Frames of other nodes.")
BUS_IGNORED = _counter("bus_ignored_total", _PORT, "Of these, those that came twice or could not be used.")
BUS_DROPPED = _counter("bus_dropped_total", ("port", "reason"), "Frames that did not reach every node, by reason.")
BUS_GAPS = _counter("bus_gap_total", _PORT, "Times that frames of another node were missing.")
BUS_OUTAGES = _counter("bus_reconnects_total", _PORT, "Times that the bus was lost.")
AUTHORITY_UP = _gauge("authority_up", _PORT, "Whether what decides for all nodes answers: 1 or 0.", "min")
AUTHORITY_OPS = _counter(
    "authority_ops_total", ("port", "op", "result"), "Questions to what decides for all nodes; result is ok or failed."
)
RESYNCS = _counter("mirror_resync_total", ("port", "reason"), "Member lists fetched anew, by reason.")
MIRRORS = _gauge("mirrors", _PORT, "Member lists of presence channels that are kept, on each node.")
NODES = _gauge("cluster_nodes", _PORT, "Nodes that share channels with this one, itself included.", "max")
FENCED = _counter("node_fenced_total", _PORT, "Times that this node was taken for dead by the others.")
REAPED = _counter("node_reaped_total", _PORT, "Nodes that were cleaned up after because they had gone.")
