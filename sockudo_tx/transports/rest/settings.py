"""How the REST side behaves: plain values, filled from the configuration by `service.py`."""

from __future__ import annotations

import msgspec

from ..handshake import mount

__all__ = ["CorsSettings", "IdempotencySettings", "RestSettings"]


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


class RestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the REST side can be told."""

    path_prefix: str = "/"
    request_limit: int = 10 * 1024 * 1024
    """Largest request body in bytes; 0 is no limit."""
    idle_timeout: float = 60.0
    """Seconds a connection may be silent between and within requests, and a head may take."""
    usage_enabled: bool = True
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
