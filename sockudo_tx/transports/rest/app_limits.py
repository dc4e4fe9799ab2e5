"""How much an app's backend may ask in any second, where the app says so (decisions.md 24 and 45).

What counts is what was signed for the app: strangers cannot use its limits up. They hold whether or not client
addresses are limited, and tell nothing in the headers of answers that are not refused.
"""

from __future__ import annotations

from ...engine.tally import AppTally
from ...interfaces import ILimiter
from ...protocol.app import App
from ...protocol.errors import RestError, TooManyRequests
from ...protocol.limits import Quota
from .waiting import settled

__all__ = ["AppLimits"]

_WINDOW = 1.0


class AppLimits:
    """The limits of every app; nobody asks for one that an app has not set. Without a limiter there are none."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: ILimiter | None) -> None:
        self._limiter = limiter

    async def publish(self, app: App, tally: AppTally, events: int = 1) -> None:
        """So many events of one call are about to be published, all or none. An event to several channels is one."""
        most = app.max_backend_events_per_second
        if not most or not events:
            return
        if events > most:  # which no waiting would help
            raise RestError(
                400,
                "limit_exceeded",
                f"A batch of {events} events is more than the {most} that this app may publish in a second "
                "(max_backend_events_per_second); send smaller batches",
            )
        tally.backend_event_checks += events
        if not await self._within("backend_events", app, most, events):
            tally.backend_event_refusals += events
            raise TooManyRequests(1, f"This app may publish {most} events in a second. Please try again in 1 s.")

    async def read(self, app: App, tally: AppTally) -> None:
        """Somebody asks about channels or users."""
        most = app.max_read_requests_per_second
        if not most:
            return
        tally.read_checks += 1
        if not await self._within("read_requests", app, most, 1):
            tally.read_refusals += 1
            raise TooManyRequests(1, f"This app may read {most} times in a second. Please try again in 1 s.")

    async def _within(self, name: str, app: App, most: int, weight: int) -> bool:
        if self._limiter is None:
            return True
        return (await settled(self._limiter.take(f"{name}:{app.id}", Quota(most, _WINDOW), weight))).allowed
