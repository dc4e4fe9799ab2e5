"""A start for a server behind a proxy, `config/production.json`, and why it differs from what is built in."""

from __future__ import annotations

from typing import Any

from ..nested import nested

__all__ = ["CHOICES", "production"]

CHOICES: tuple[tuple[str, Any, str], ...] = (
    ("mode", "production", "Warnings about what must not happen in production."),
    ("instance.workers", "auto", "Every CPU of the machine or the container works; with one there is one process."),
    ("shutdown.drain_ms", 5000, "Balancers see `/up` turn red before clients are moved to another server."),
    (
        "websocket.disconnect_on_buffer_full",
        True,
        "A client that is too slow connects again and starts afresh, instead of missing events without knowing.",
    ),
    ("http_api.usage_enabled", False, "How much memory the server uses is nobody's business but yours."),
    ("rate_limiter.enabled", True, "Nobody can keep the server busy alone."),
    (
        "rate_limiter.api_rate_limit",
        {"max_requests": 6000, "window_seconds": 60, "trust_hops": 1},
        """100 requests a second of one address, your own backend's too. One proxy in front adds the client's address to
        `X-Forwarded-For`; write 0 if there is none, or clients could choose their address.""",
    ),
    (
        "rate_limiter.websocket_rate_limit",
        {"max_requests": 120, "window_seconds": 60, "trust_hops": 1},
        "New connections of one address; offices and schools share one.",
    ),
    ("listener.max_pending", 5000, "Connections that say nothing cannot use up all file descriptors."),
    ("metrics.host", "0.0.0.0", "Prometheus comes from another machine: keep the port inside your network."),
    ("logging", {"colors_enabled": False, "include_target": True}, "Lines go to a collector."),
)
"""Path, value, and why."""


def production() -> dict[str, Any]:
    """What `config/production.json` holds. Its app comes from `SOCKUDO_DEFAULT_APP_*`: secrets are no files."""
    return {"$schema": "./config.schema.json", **nested({path: value for path, value, _ in CHOICES})}
