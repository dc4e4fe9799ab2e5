"""Null objects: roles that are switched off or not built in, so that nobody asks `if x is not None`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ..config.schema import Config
from ..interfaces import DeadWebhook, Fact, IFacts, IWebhookQueue, WebhookJob
from ..protocol.app import App

__all__ = ["NullFacts", "NullWebhookQueue", "no_queue"]


@implementer(IFacts)
class NullFacts:
    """Nobody listens for webhook facts."""

    def wants(self, app: App, name: str) -> bool:
        return False

    def emit(self, app: App, fact: Fact) -> None:
        return None


@implementer(IWebhookQueue)
class NullWebhookQueue:
    """No webhooks: whatever is put is forgotten, and there is never anything to take."""

    durable = False

    def put(self, jobs: Sequence[WebhookJob]) -> None:
        return None

    def take(self, most: int, busy: Collection[str], tired: Collection[str] = ()) -> list[WebhookJob]:
        return []

    def done(self, job: WebhookJob) -> None:
        return None

    def retry(self, job: WebhookJob, delay: float) -> None:
        return None

    def hasten(self) -> None:
        return None

    def bury(self, job: WebhookJob, reason: str) -> None:
        return None

    def listen(self, wake: Callable[[], None], lost: Callable[[WebhookJob], None]) -> None:
        return None

    def depth(self) -> int:
        return 0

    def dead(self, most: int) -> list[DeadWebhook]:
        return []

    def revive(self, job_id: str) -> bool:
        return False

    def drop(self, job_id: str) -> bool:
        return False

    def health(self) -> bool:
        return True

    def close(self) -> None:
        return None


def no_queue(config: Config, clock: IReactorTime) -> NullWebhookQueue:
    """The driver `none` of `queue`."""
    return NullWebhookQueue()
