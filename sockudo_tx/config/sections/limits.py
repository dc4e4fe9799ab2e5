"""What apps and clients may do: limits for apps that set none, and the HTTP API."""

from __future__ import annotations

from typing import Annotated

from ..declare import (
    UNUSED,
    Count,
    Doc,
    Env,
    Fraction,
    KiB,
    MiB,
    Milliseconds,
    Seconds,
    Section,
)
from ..rules import ONE_OR_MORE

__all__ = [
    "AcceptTrafficConfig",
    "ChannelLimitsConfig",
    "EventLimitsConfig",
    "HttpApiConfig",
    "IdempotencyConfig",
    "PresenceConfig",
]


class ChannelLimitsConfig(Section, frozen=True, kw_only=True):
    """Limits of channels."""

    max_name_length: Annotated[Count, Doc("Longest channel name, for apps that set none. 0: no limit.")] = 200
    cache_ttl: Annotated[Seconds, Doc("How long a cache channel keeps its last event. 0: `cache.memory.ttl`.")] = 3600
    subscription_count_interval_ms: Annotated[
        Milliseconds, Doc("Pace of `subscription_count` events on channels with more than 100 subscribers.")
    ] = 5000


class EventLimitsConfig(Section, frozen=True, kw_only=True):
    """Limits of events, for apps that set none of their own."""

    max_channels_at_once: Annotated[Count, Doc("Channels of one event, for apps that set none. 0: no limit.")] = 100
    max_name_length: Annotated[Count, Doc("Longest event name, for apps that set none. 0: no limit.")] = 200
    max_payload_in_kb: Annotated[KiB, Doc("Largest event data, for apps that set none. 0: no limit.")] = 100
    max_batch_size: Annotated[Count, Doc("Events of one batch, for apps that set none. 0: no limit.")] = 10


class PresenceConfig(Section, frozen=True, kw_only=True):
    """Limits of presence channels, for apps that set none of their own."""

    max_members_per_channel: Annotated[
        Count, Doc("Members of a presence channel, for apps that set none. 0: no limit.")
    ] = 100
    max_member_size_in_kb: Annotated[
        KiB, Doc("Largest `user_info` of a member, for apps that set none. 0: no limit.")
    ] = 2
    terminate_by_presence_id: Annotated[
        bool, Doc("Terminating a user disconnects presence members of that id too, not only signed-in users."), UNUSED
    ] = False


class AcceptTrafficConfig(Section, frozen=True, kw_only=True):
    """When the server is too busy."""

    memory_threshold: Annotated[Fraction, Doc("Share of memory from which on no connection is accepted."), UNUSED] = 0.9


class HttpApiConfig(Section, frozen=True, kw_only=True):
    """The HTTP API for your servers."""

    request_limit_in_mb: Annotated[MiB, Doc("Largest request body of the HTTP API; above it 413. 0: no limit.")] = 10
    usage_enabled: Annotated[bool, Doc("Serve `/usage` and `/stats`."), Env("HTTP_API_USAGE_ENABLED")] = True
    accept_traffic: AcceptTrafficConfig = AcceptTrafficConfig()


class IdempotencyConfig(Section, frozen=True, kw_only=True):
    """Publishing the same event twice by accident, once in effect."""

    enabled: Annotated[bool, Doc("Honour idempotency keys of publish calls.")] = True
    ttl_seconds: Annotated[Seconds, Doc("How long the reply to a key is remembered."), ONE_OR_MORE] = 120
    max_key_length: Annotated[Count, Doc("Longest key; longer ones are refused with 400."), ONE_OR_MORE] = 128
