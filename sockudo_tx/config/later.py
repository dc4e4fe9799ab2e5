"""Keys that the reference knows and this version does not use yet: accepted, and told once.

A key leaves these lists when it is declared in `schema.py`.
"""

from __future__ import annotations

import msgspec

__all__ = ["LATER_APP_MEMBERS", "LATER_KEYS", "LATER_SECTIONS", "MOVED", "LaterSection"]


class LaterSection(msgspec.Struct, frozen=True):
    """An object whose members are not looked at, but for these."""

    path: str
    driver_env: str = ""
    drivers: tuple[str, ...] = ()
    """Words `<path>.driver` and its variable may hold; others refuse to start (decisions.md 39)."""
    switch_env: str = ""
    loss: str = ""
    """What somebody who set `<path>.enabled` must be warned of."""


_STORES = ("memory", "redis", "redis-cluster", "redis_cluster", "rediscluster", "none")

LATER_SECTIONS = (
    LaterSection("adapter.cluster"),
    LaterSection("adapter.cluster_health"),
    LaterSection("adapter.nats"),
    LaterSection("adapter.redis"),
    LaterSection("app_manager.scylladb"),
    LaterSection("cache.redis"),
    LaterSection("cluster_health"),
    LaterSection("database"),
    LaterSection("database_pooling"),
    LaterSection("delta_compression"),
    LaterSection("nats"),
    LaterSection("queue", driver_env="QUEUE_DRIVER", drivers=(*_STORES, "sqs", "sns")),
    LaterSection("tag_filtering"),
)

LATER_KEYS = (
    "adapter.buffer_multiplier_per_cpu",
    "adapter.enable_socket_counting",
    "adapter.fallback_to_local",
    "adapter.fanout",
    "adapter.isolated_close_after_ms",
    "adapter.on_bus_loss",
    "adapter.ordering",
    "adapter.publish_buffer_bytes",
    "adapter.publish_buffer_messages",
    "adapter.publish_buffer_ms",
    "adapter.read_timeout_ms",
    "adapter.repair_window_ms",
    "adapter.start_timeout_ms",
    "adapter.state",
    "instance.workers",
    "presence.terminate_by_presence_id",
)

LATER_APP_MEMBERS = {
    "max_backend_events_per_second": "publishing is not limited",
    "max_read_requests_per_second": "reading is not limited",
    "webhooks": "no webhook is sent",
    "channel_delta_compression": "events are sent whole",
}
"""Members of apps, and what somebody who set them must be warned of."""

MOVED = (("websocket.max_payload_kb", "websocket_max_payload_kb"),)
"""Keys other tools write in another place: (where they are found, where they belong)."""
