"""The App record: one tenant with its credentials, limits and switches (configuration.md 5)."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["App", "LimitDefaults", "Webhook", "WebhookFilter"]


class WebhookFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which channels a webhook hears of; every given condition must hold."""

    channel_prefix: str | None = None
    channel_suffix: str | None = None
    channel_pattern: str | None = None


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook of an app: a target, the event types it wants, a filter, extra headers."""

    url: str | None = None
    lambda_name: str | None = None
    lambda_region: str | None = None
    event_types: tuple[str, ...] = ()
    filter: WebhookFilter | None = None
    headers: dict[str, str] = {}


class LimitDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """Server-wide limits for apps that set none of their own (http-api.md 7.1, protocol.md D5)."""

    max_channel_name_length: int = 200
    max_event_name_length: int = 200
    max_event_payload_in_kb: int = 100
    max_event_channels_at_once: int = 100
    max_event_batch_size: int = 10
    max_presence_members_per_channel: int = 100
    max_presence_member_size_in_kb: int = 2


class App(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant. In limits 0 means unlimited and None means "not set"; see `with_defaults`."""

    id: str
    key: str
    secret: str
    enabled: bool = True
    max_connections: int = 100
    enable_client_messages: bool = False
    max_client_events_per_second: int = 100
    max_backend_events_per_second: int | None = None
    max_read_requests_per_second: int | None = None
    max_presence_members_per_channel: int | None = None
    max_presence_member_size_in_kb: int | None = None
    max_channel_name_length: int | None = None
    max_event_channels_at_once: int | None = None
    max_event_name_length: int | None = None
    max_event_payload_in_kb: int | None = None
    max_event_batch_size: int | None = None
    enable_user_authentication: bool = False
    enable_watchlist_events: bool = False
    enable_subscription_count_events: bool = False
    allowed_origins: tuple[str, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    channel_delta_compression: dict[str, Any] | None = None
    idempotency_enabled: bool | None = None
    idempotency_ttl_seconds: int | None = None

    def with_defaults(self, defaults: LimitDefaults) -> App:
        """This app with every unset limit of `LimitDefaults` filled in."""
        missing = {name: getattr(defaults, name) for name in defaults.__struct_fields__ if getattr(self, name) is None}
        return msgspec.structs.replace(self, **missing) if missing else self

    def __repr__(self) -> str:
        return f"App(id={self.id!r}, enabled={self.enabled})"  # never the key or the secret
