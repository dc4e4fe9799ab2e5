"""Webhooks as one part of a server: started, adjusted, drained and closed."""

from __future__ import annotations

import random
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...interfaces import IApps, IWebhookQueue, IWebhookSender
from .collector import Collector
from .dispatcher import Dispatcher
from .settings import WebhookSettings
from .tally import WebhookTally

__all__ = ["Webhooks"]

_LOOK = 0.01
"""Seconds between two looks at whether everything gathered is in the queue, at the end."""


def _even() -> float:
    return random.uniform(-1.0, 1.0)  # noqa: S311 - spreads retries, guards nothing


class Webhooks:
    """What is told goes in at `facts`; the rest happens by itself between `start` and `close`."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        queue: IWebhookQueue,
        sender: IWebhookSender,
        apps: IApps,
        settings: WebhookSettings,
        jitter: Callable[[], float] = _even,
        cut: Callable[[], Deferred[None]] = lambda: succeed(None),
        functions: bool = False,
    ) -> None:
        """`cut` ends what the sender has under way. `functions`: whether it can call Lambda functions."""
        self.queue = queue
        self.tally = WebhookTally()
        self.facts = Collector(clock, queue, settings, self.tally, functions)
        self._clock = clock
        self._cut = cut
        self._dispatcher = Dispatcher(clock, queue, sender, apps, settings, self.tally, jitter)

    def start(self) -> None:
        """Send what is in the queue, from now on."""
        self._dispatcher.start()

    def adjust(self, settings: WebhookSettings) -> None:
        """These settings from now on."""
        self.facts.settings = settings
        self._dispatcher.settings = settings

    def drain(self) -> Deferred[None]:
        """Fires when everything told so far has been attempted; what failed is not waited for, nor what is kept for the
        next start because its endpoint is left alone now."""
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        self.facts.flush()
        while not self.facts.idle:
            await deferLater(self._clock, _LOOK)
        await self._dispatcher.idle()

    def close(self) -> Deferred[None]:
        """Take nothing more, cut off what is under way, and close the queue."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        waiting = self.queue.depth()
        left = (await waiting if isinstance(waiting, Deferred) else waiting) + self._dispatcher.under_way
        self._dispatcher.stop()
        if lost := self.facts.stop():
            self._log.warn("{lost} webhook events were not in the queue in time: they are lost", lost=lost)
        if left and self.queue.durable:
            self._log.info("{left} webhook deliveries wait for the next start", left=left)
        elif left:
            self._log.warn("{left} webhook deliveries were not made in time, or failed: they are lost", left=left)
        await self._cut()
        closed = self.queue.close()
        if isinstance(closed, Deferred):
            await closed
