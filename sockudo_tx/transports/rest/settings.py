"""How the REST side behaves: plain values, filled from the configuration by `service.py`."""

from __future__ import annotations

import msgspec

from ..handshake import mount
from ..settings import ListenerSettings

__all__ = ["CorsSettings", "IdempotencySettings", "LimitSettings", "RateLimitSettings", "RestSettings"]


class CorsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which browser pages may read our answers (http-api.md 8)."""

    origin: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ("GET", "POST", "OPTIONS")
    allowed_headers: tuple[str, ...] = ("Authorization", "Content-Type", "X-Requested-With", "Accept")
    credentials: bool = True


class IdempotencySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Publishing once although asked twice (http-api.md 14); apps may say otherwise for themselves."""

    enabled: bool = True
    ttl_seconds: int = 120
    max_key_length: int = 128


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests of one client in any `window` seconds; 0 is no limit."""

    max_requests: int = 100
    window: float = 60
    hops: int = 0
    """Proxies in front of us whose `X-Forwarded-For` entries are believed."""


class RateLimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How often a client address may ask (http-api.md 9)."""

    enabled: bool = False
    api: LimitSettings = LimitSettings()
    websocket: LimitSettings | None = None
    """For upgrades; without it they count with the calls of the API."""


class RestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the REST side can be told."""

    path_prefix: str = "/"
    request_limit: int = 10 * 1024 * 1024
    """Largest request body in bytes; 0 is no limit."""
    listener: ListenerSettings = ListenerSettings()
    rate_limits: RateLimitSettings = RateLimitSettings()
    usage_enabled: bool = True
    read_timeout: float = 1.0
    """Seconds a reading call waits for the other nodes, before this one answers alone."""
    health_timeout: float = 0.4
    """Seconds each health check may take."""
    explain_refusals: bool = False
    """A line, at debug level, for each call that is refused for its signature, with the part that differs."""
    log_requests: bool = False
    """A line for each answer, at debug level; making one costs as much as a third of the call."""
    cors: CorsSettings = CorsSettings()
    idempotency: IdempotencySettings = IdempotencySettings()

    @property
    def prefix(self) -> bytes:
        """The path prefix as it stands on the wire."""
        return mount(self.path_prefix)
