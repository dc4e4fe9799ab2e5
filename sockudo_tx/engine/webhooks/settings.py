"""How webhooks are batched and tried again."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["WebhookSettings"]


class WebhookSettings(NamedTuple):
    """Seconds and counts; the defaults are http-api.md 12.1's."""

    batching: bool = True
    batch_seconds: float = 0.05
    batch_size: int = 100
    retrying: bool = True
    max_attempts: int | None = None
    """In all, the first included."""
    give_up_after: float = 300.0
    """Seconds after the first attempt beyond which none begins."""
    first_wait: float = 1.0
    longest_wait: float = 60.0
