"""Telling how many subscribers a channel has, at a bearable pace (protocol.md 11; decisions.md 46)."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..interfaces import Fact
from ..protocol import messages
from ..protocol.app import App
from .broadcast import deliver_control
from .facts import FactTeller
from .registry import Registry
from .tables import AppSpace, Channel

__all__ = ["SubscriptionCounts"]

COALESCE = 0.1
"""Seconds that changes of a small channel are gathered."""
SMALL = 100
"""Up to this many subscribers every change is told."""


class _Pace:
    __slots__ = ("newcomer", "sent", "slow", "timer")

    def __init__(self) -> None:
        self.sent: int | None = None
        self.newcomer = False
        """Somebody who has not been told any count."""
        self.timer: IDelayedCall | None = None
        self.slow = False


class SubscriptionCounts:
    """Sends `subscription_count` to the channel and to webhooks: trailing edge, a changed value or a newcomer's first.

    Only channels that change while somebody wants to know have an entry; it goes with the last subscriber.
    """

    def __init__(self, clock: IReactorTime, registry: Registry, facts: FactTeller, interval: float) -> None:
        self._clock = clock
        self._registry = registry
        self._facts = facts
        self.interval = interval
        """Seconds between two counts of a large channel."""
        self._paces: dict[tuple[str, str], _Pace] = {}

    def __len__(self) -> int:
        return len(self._paces)

    def changed(self, space: AppSpace, channel: Channel, *, entered: bool) -> None:
        """A socket came (`entered`) or went; presence channels never count (protocol.md 11)."""
        if channel.name.presence:
            return
        app, key = space.app, (space.app.id, channel.name.text)
        if not (app.enable_subscription_count_events or self._facts.wants(app, "subscription_count")):
            self._forget(key)
            return
        pace = self._paces.setdefault(key, _Pace())
        slow = len(channel.subscribers) > SMALL
        pace.newcomer |= entered and not slow
        if pace.timer is not None:
            if slow or not pace.slow:
                return  # the running timer will tell the latest value in time
            pace.timer.cancel()
        pace.slow = slow
        delay = self.interval if slow else COALESCE
        pace.timer = self._clock.callLater(delay, self._tell, app, channel.name.text)

    def _tell(self, app: App, name: str) -> None:
        key = (app.id, name)
        pace = self._paces[key]
        pace.timer = None
        space = self._registry.apps.get(app.id)  # perhaps not the one there was: an app's last socket may have gone
        app = space.app if space is not None else app
        channel = space.channels.get(name) if space is not None else None
        count = len(channel.subscribers) if channel is not None else 0
        if channel is None:
            del self._paces[key]
        changed, newcomer = count != pace.sent, pace.newcomer
        pace.sent, pace.newcomer = count, False
        if (changed or newcomer) and channel is not None and app.enable_subscription_count_events:
            deliver_control(channel.subscribers, messages.subscription_count(name, count), channel.tally)
        if changed:
            self._facts.tell(app, Fact("subscription_count", name, subscription_count=count))

    def _forget(self, key: tuple[str, str]) -> None:
        pace = self._paces.pop(key, None)
        if pace is not None and pace.timer is not None:
            pace.timer.cancel()

    def stop(self) -> None:
        """Forget everything that is still to be told."""
        for key in list(self._paces):
            self._forget(key)
