"""Frames between the workers of one machine: the hub hands them on (scaling.md 4.7)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ...interfaces import IBus, IBusListener
from .link import HubLink

__all__ = ["HubBus"]


@implementer(IBus)
class HubBus:
    """Up as long as the hub is. Nothing is ever subscribed again: a worker does not outlive its link."""

    def __init__(self, link: HubLink) -> None:
        self._link = link

    @property
    def up(self) -> bool:
        return self._link.alive

    @property
    def dropped(self) -> int:
        """Publications that were dropped since the start."""
        return self._link.dropped

    def listen(self, listener: IBusListener) -> None:
        self._link.received = listener.received
        self._link.losers.append(listener.bus_down)

    def subscribe(self, topic: str) -> Deferred[None]:
        return self._link.call("bus", "subscribe", None, topic)

    def unsubscribe(self, topic: str) -> None:
        self._link.call("bus", "unsubscribe", None, topic).addErrback(lambda _: None)  # type: ignore[unused-awaitable]

    def publish(self, topic: str, frame: bytes) -> None:
        self._link.publish(topic, frame)

    def handed_on(self) -> Deferred[None]:
        return self._link.handed_on()

    def catch_up(self) -> None:
        self._link.catch_up()
