"""A bus that only takes notes, and answers when it is told to."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from sockudo_tx.interfaces import IBus, IBusListener

__all__ = ["RecordingBus"]


@implementer(IBus)
class RecordingBus:
    """`asked` are the topics with their answers, which a test gives; `gone` those it was told to leave."""

    def __init__(self) -> None:
        self.up = True
        self.fails_after: int | None = None
        """Goes down with so many more frames."""
        self.published: list[tuple[str, bytes]] = []
        self.asked: list[tuple[str, Deferred[None]]] = []
        self.gone: list[str] = []

    def listen(self, listener: IBusListener) -> None: ...

    def subscribe(self, topic: str) -> Deferred[None]:
        answer: Deferred[None] = Deferred()
        self.asked.append((topic, answer))
        return answer

    def unsubscribe(self, topic: str) -> None:
        self.gone.append(topic)

    def handed_on(self) -> None: ...

    def catch_up(self) -> None: ...

    def publish(self, topic: str, frame: bytes) -> None:
        self.published.append((topic, frame))
        if self.fails_after is not None:
            self.fails_after -= 1
            self.up = self.fails_after > 0
