"""What became of webhook events, for the metrics."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from ...interfaces import WebhookJob
from ...protocol.webhooks import event_name
from ..tally import APPS_AT_MOST, UNKNOWN

__all__ = ["WebhookTally", "What"]

What = Literal["ok", "retry", "failed", "dropped"]


class WebhookTally:
    """Events by app, type and what became of them; each attempt counts every event in it."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._apps: set[str] = set()

    def add(self, job: WebhookJob, what: What) -> None:
        app_id = self._label(job.app_id)
        for text in job.events:
            self.counts[app_id, event_name(text), what] += 1

    def lost(self, app_id: str, event: str) -> None:
        """An event was dropped before it had a job."""
        self.counts[self._label(app_id), event, "dropped"] += 1

    def _label(self, app_id: str) -> str:
        if app_id not in self._apps:
            if len(self._apps) >= APPS_AT_MOST:
                return UNKNOWN
            self._apps.add(app_id)
        return app_id
