"""From a fact to a settled delivery (http-api.md 12, scaling.md 11).

    fact -> collector: batches per app and hook -> queue -> dispatcher -> sender, until it is settled

Only `Collector.emit` runs in the turn of what happened; it files the fact, and everything else comes in later turns.
"""

from __future__ import annotations

from .collector import Collector
from .dispatcher import Dispatcher
from .settings import WebhookSettings
from .tally import WebhookTally
from .webhooks import Webhooks

__all__ = ["Collector", "Dispatcher", "WebhookSettings", "WebhookTally", "Webhooks"]
