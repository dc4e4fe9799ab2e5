"""Telling other servers: `webhooks`."""

from __future__ import annotations

from typing import Annotated

from ..declare import (
    Count,
    Doc,
    Env,
    Large,
    Milliseconds,
    Section,
)
from ..rules import ONE_OR_MORE

__all__ = ["BatchingConfig", "RetryConfig", "WebhooksConfig"]


class BatchingConfig(Section, frozen=True, kw_only=True):
    """Several webhook events in one request."""

    enabled: Annotated[bool, Doc("Join the webhook events of a moment."), Env("WEBHOOK_BATCHING_ENABLED")] = True
    duration: Annotated[Milliseconds, Doc("The moment."), Env("WEBHOOK_BATCHING_DURATION")] = 50
    size: Annotated[
        Large, Doc("Events of one delivery; 0 counts as 1, and more than 1000 as 1000."), Env("WEBHOOK_BATCHING_SIZE")
    ] = 100


class RetryConfig(Section, frozen=True, kw_only=True):
    """What happens when an endpoint fails."""

    enabled: Annotated[bool, Doc("Try failed deliveries again.")] = True
    max_attempts: Annotated[Count | None, Doc("Attempts in all; 0 counts as 1. null: until the time is over.")] = None
    max_elapsed_time_ms: Annotated[Milliseconds, Doc("After the first attempt, none begins later than this.")] = 300000
    initial_backoff_ms: Annotated[
        Milliseconds, Doc("First wait; each next one doubles, and all are moved by up to a fifth.")
    ] = 1000
    max_backoff_ms: Annotated[Milliseconds, Doc("Longest wait.")] = 60000


class WebhooksConfig(Section, frozen=True, kw_only=True):
    """Telling your servers what happens; which endpoints hear it is a matter of each app."""

    batching: BatchingConfig = BatchingConfig()
    request_timeout_ms: Annotated[Milliseconds, Doc("Longest wait for an endpoint's answer."), ONE_OR_MORE] = 10000
    retry: RetryConfig = RetryConfig()
    allow_internal_addresses: Annotated[
        bool,
        Doc("Webhooks may go to loopback and private addresses. None goes to link-local or metadata addresses, ever."),
        Env("WEBHOOK_ALLOW_INTERNAL_ADDRESSES"),
    ] = True
    grace_ms: Annotated[Milliseconds, Doc("A channel left, or a member gone, for less than this is not reported.")] = (
        3000
    )
