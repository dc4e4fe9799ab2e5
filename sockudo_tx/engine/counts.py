"""Telling how many subscribers a channel has (protocol.md 11; decisions.md 46). The authority says when."""

from __future__ import annotations

from collections.abc import Callable

from ..interfaces import Due, Fact
from ..protocol import messages
from ..protocol.app import App
from .broadcast import deliver_control
from .facts import FactTeller
from .registry import Registry
from .tables import AppSpace, Channel

__all__ = ["SubscriptionCounts"]


class SubscriptionCounts:
    """Sends `subscription_count` to the channel and to webhooks when a total has come due."""

    def __init__(self, registry: Registry, facts: FactTeller, interval: float) -> None:
        self._registry = registry
        self._facts = facts
        self.interval = interval
        """Seconds between two counts of a large channel."""
        self.elsewhere: Callable[[str, str, str], None] | None = None
        """Sends a text to the subscribers on all other nodes: app id, channel, text. None where there are none."""
        facts.counted = self.tell

    def pace(self, space: AppSpace, channel: Channel) -> float | None:
        """How often a large channel's total is told; None when nobody wants to know, and of presence channels."""
        if channel.name.presence:
            return None
        app = space.app
        wanted = app.enable_subscription_count_events or self._facts.wants(app, "subscription_count")
        return self.interval if wanted else None

    def tell(self, app: App, due: Due) -> None:
        """A total has come due: to every subscriber, and once to the webhooks if it is another than before."""
        assert due.total is not None
        if app.enable_subscription_count_events:
            text = messages.subscription_count(due.channel, due.total)
            space = self._registry.apps.get(due.app_id)
            channel = space.channels.get(due.channel) if space is not None else None
            if channel is not None:
                deliver_control(channel.subscribers, text, channel.tally)
            if due.total and self.elsewhere is not None:
                self.elsewhere(due.app_id, due.channel, text)
        if not due.again:
            self._facts.tell(app, Fact("subscription_count", due.channel, subscription_count=due.total))
