"""What carries events between nodes, and what they agree on without waiting (scaling.md 4.1)."""

from __future__ import annotations

from typing import Protocol

from zope.interface import Attribute, Interface

from .answers import Answer

__all__ = ["IBus", "IBusListener", "IDeltaPace"]


class IBusListener(Protocol):
    """A node's end of the bus."""

    def received(self, topic: str, frame: bytes) -> None:
        """One frame, in the order of arrival."""

    def bus_up(self) -> None:
        """Frames go to the others again; every topic is subscribed."""

    def bus_down(self, reason: str) -> None:
        """From now on, and until `bus_up`, what others publish may be missed."""


class IBus(Interface):
    """Carries frames between nodes (scaling.md 4.1), as `protocol.bus_frames` writes them.

    FIFO for each publishing node and topic, at most once for each transmission. Nothing is durable, and there is no
    order between publishers. Topics are texts of `engine.cluster.topics`; a driver may name them otherwise on its wire.
    """

    up: bool = Attribute("Whether what is published reaches the others.")

    def listen(listener: IBusListener) -> None:
        """Hand everything to this listener, one frame after the other, in the reactor's thread."""

    def subscribe(topic: str) -> Answer[None]:
        """Receive the topic. Answers when no frame published from then on is missed; may fail with `BackendError`.

        What was subscribed is subscribed again by the driver itself after an outage.
        """

    def unsubscribe(topic: str) -> None:
        """Receive it no more, soon."""

    def publish(topic: str, frame: bytes) -> None:
        """To every other node that has subscribed. Never waits and never fails; it may be dropped, and is then counted.

        Whether the publisher gets it too, if it has subscribed, is not promised: listeners pass over their own frames.
        """

    def handed_on() -> Answer[None]:
        """Answers when every node that is there to take it takes what was published here before what it is asked next,
        if it does `catch_up` then. May fail with `BackendError`."""

    def catch_up() -> None:
        """Hand the listener now what has come already."""


class IDeltaPace(Interface):
    """Whether all nodes send the same messages of a stream whole (delta-and-filters.md 11).

    Cosmetic: nothing waits for it and nothing fails with it.
    """

    def count(app_id: str, channel: str, key: str, interval: int) -> bool | None:
        """Count a message that this node publishes; answers at once. True: this one is full on every node.

        False: others will say when one has to be. None: nobody does, this node goes by its own count.
        """
