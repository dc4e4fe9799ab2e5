"""Telling how many subscribers a channel has, at a bearable pace (protocol.md 11; decisions.md 46)."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..interfaces import Fact
from ..protocol import messages
from .broadcast import deliver_control
from .facts import FactTeller
from .registry import AppSpace, Channel, Registry

__all__ = ["SubscriptionCounts"]

COALESCE = 0.1
"""Seconds that changes of a small channel are gathered."""
SMALL = 100
"""Up to this many subscribers every change is told."""


class _Pace:
    __slots__ = ("sent", "slow", "timer")

    def __init__(self) -> None:
        self.sent: int | None = None
        self.timer: IDelayedCall | None = None
        self.slow = False


class SubscriptionCounts:
    """Sends `subscription_count` to the channel and to webhooks: trailing edge, only a changed value.

    Only channels that change while somebody wants to know have an entry; it goes with the last subscriber.
    """

    def __init__(self, clock: IReactorTime, registry: Registry, facts: FactTeller, interval: float) -> None:
        self._clock = clock
        self._registry = registry
        self._facts = facts
        self._interval = interval
        self._paces: dict[tuple[str, str], _Pace] = {}

    def __len__(self) -> int:
        return len(self._paces)

    def changed(self, space: AppSpace, channel: Channel) -> None:
        """A socket came or went; presence channels never count (protocol.md 11)."""
        if channel.name.presence:
            return
        app = space.app
        if not (app.enable_subscription_count_events or self._facts.wants(app, "subscription_count")):
            return
        pace = self._paces.setdefault((app.id, channel.name.text), _Pace())
        slow = len(channel.subscribers) > SMALL
        if pace.timer is not None:
            if slow or not pace.slow:
                return  # the running timer will tell the latest value in time
            pace.timer.cancel()
        pace.slow = slow
        delay = self._interval if slow else COALESCE
        pace.timer = self._clock.callLater(delay, self._tell, space, channel.name.text)

    def _tell(self, space: AppSpace, name: str) -> None:
        key = (space.app.id, name)
        pace = self._paces[key]
        pace.timer = None
        channel = space.channels.get(name)
        count = len(channel.subscribers) if channel is not None else 0
        if channel is None:
            del self._paces[key]
        if count == pace.sent:
            return
        pace.sent = count
        if channel is not None and space.app.enable_subscription_count_events:
            deliver_control(channel.subscribers, messages.subscription_count(name, count))
        self._facts.tell(space.app, Fact("subscription_count", name, subscription_count=count))

    def stop(self) -> None:
        """Forget everything that is still to be told."""
        for pace in self._paces.values():
            if pace.timer is not None:
                pace.timer.cancel()
        self._paces.clear()
