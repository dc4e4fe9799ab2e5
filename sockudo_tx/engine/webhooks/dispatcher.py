"""Takes deliveries out of the queue, has them attempted, and settles them.

An endpoint that is slow or dead costs itself: it has few attempts in flight, waits between them in the queue, and
beyond some failures in a row is asked once in a while only (scaling.md 11, decisions.md 48).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...interfaces import BackendError, IApps, IWebhookQueue, IWebhookSender, Outcome, WebhookJob
from ...protocol.app import App
from ...protocol.webhooks import backoff, endpoint, hook_named, safe_name
from ..answers import ask
from .breaker import Breaker
from .settings import WebhookSettings
from .tally import WebhookTally

__all__ = ["ALL_AT_MOST", "EACH_AT_MOST", "Dispatcher"]

EACH_AT_MOST = 4
"""Attempts in flight for one endpoint."""
ALL_AT_MOST = 256
"""Attempts in flight in all."""
_TAKEN_AT_ONCE = 16
"""Jobs taken in one go: what is beyond its endpoint's room is held here for a moment."""
_HELD_AT_MOST = 256
_ENDPOINTS_AT_MOST = 10_000
"""Endpoints that are known: those in use, and those that fail."""
_REST = 0.25
"""Seconds at most for which a failing endpoint's jobs stay in the queue after some of them were put off: there may be
thousands, and those of other endpoints are behind them."""
_AGAIN = 1.0
"""Seconds until the queue is asked again after it failed."""


class _Endpoint:
    """One address: what is under way to it, and how it has been doing."""

    __slots__ = ("address", "breaker", "flying", "held", "names")

    def __init__(self, address: str) -> None:
        self.address = address
        self.breaker = Breaker()
        self.flying = 0
        self.held: deque[WebhookJob] = deque()
        """Taken, and waiting for room."""
        self.names: set[str] = set()
        """Of the hooks that have this address."""

    @property
    def room(self) -> int:
        return (1 if self.breaker.tripped else EACH_AT_MOST) - self.flying


class _Flight(NamedTuple):
    """An attempt that is under way."""

    job: WebhookJob
    endpoint: _Endpoint


class Dispatcher:
    """Starts attempts as long as there are due jobs and room. `jitter` gives numbers from -1 to 1."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        queue: IWebhookQueue,
        sender: IWebhookSender,
        apps: IApps,
        settings: WebhookSettings,
        tally: WebhookTally,
        jitter: Callable[[], float],
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._queue = queue
        self._sender = sender
        self._apps = apps
        self._tally = tally
        self._jitter = jitter
        self._endpoints: dict[str, _Endpoint] = {}
        self._flying = self._held = self._settling = 0
        self._asking = self._again = self._stopped = False
        self._next: IDelayedCall | None = None
        self._resting: set[_Endpoint] = set()
        self._rest: IDelayedCall | None = None
        self._idle: list[Deferred[None]] = []

    def start(self) -> None:
        """Take what is due, from now on whenever there is something."""
        self._queue.listen(self._wake, lambda job: self._tally.add(job, "dropped"))
        self._wake()

    @property
    def under_way(self) -> int:
        """Jobs that are taken and not settled."""
        return self._flying + self._held + self._settling

    def stop(self) -> None:
        """Take nothing more, and settle nothing: attempts under way are lost, or made again by a durable queue."""
        self._stopped = True
        for call in (self._next, self._rest):
            if call is not None:
                call.cancel()
        self._next = self._rest = None

    def idle(self) -> Deferred[None]:
        """Fires when nothing is under way and nothing is due."""
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        if self._asking:
            self._again = True
        else:
            if self._next is not None:
                self._next.cancel()
            self._look()
        return idle

    def _wake(self, seconds: float = 0.0) -> None:
        if self._stopped:
            return
        if self._asking:
            self._again = True
        elif self._next is None:
            self._next = self._clock.callLater(seconds, self._look)
        elif not seconds and self._next.getTime() > self._clock.seconds():
            self._next.reset(0.0)

    def _look(self) -> None:
        self._next = None
        most = min(_TAKEN_AT_ONCE, ALL_AT_MOST - self._flying, _HELD_AT_MOST - self._held)
        if most <= 0:
            return
        full = (each for each in self._endpoints.values() if each.room <= len(each.held) or each in self._resting)
        busy = {name for each in full for name in each.names}
        self._asking, self._again = True, False
        ask(lambda: self._queue.take(most, busy), self._taken, self._not_taken)

    def _taken(self, jobs: list[WebhookJob]) -> None:
        self._asking = False
        for job in jobs:
            place = self._endpoint(job.hook)
            place.held.append(job)
            self._held += 1
            self._begin(place)
        if jobs or self._again:
            self._wake()
        elif not self.under_way:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def _not_taken(self, error: BackendError) -> None:
        self._asking = False
        self._log.warn("the webhook queue cannot be read: {error}", error=str(error))
        self._wake(_AGAIN)

    def _endpoint(self, hook: str) -> _Endpoint:
        address = endpoint(hook)
        found = self._endpoints.get(address)
        if found is None:
            if len(self._endpoints) >= _ENDPOINTS_AT_MOST:
                self._forget_one()
            found = self._endpoints[address] = _Endpoint(address)
        found.names.add(hook)
        return found

    def _forget_one(self) -> None:
        """The one that has been known longest and has nothing under way; there are more than can fly."""
        del self._endpoints[next(name for name, each in self._endpoints.items() if not each.flying and not each.held)]

    def _begin(self, place: _Endpoint) -> None:
        """Attempt what is held for the endpoint as far as there is room."""
        while place.held and (place.room > 0 or place.breaker.pause(self._clock.seconds())):
            job = place.held.popleft()
            self._held -= 1
            pause = place.breaker.pause(self._clock.seconds())
            if pause:
                self._put_off(place, job, pause)
                continue
            place.flying += 1
            self._flying += 1
            self._attempt(_Flight(job, place))

    def _put_off(self, place: _Endpoint, job: WebhookJob, pause: float) -> None:
        """The endpoint is not asked now. A job that was never attempted has waited since its event."""
        if job.first_ms is None:
            job = job._replace(first_ms=job.time_ms)
        self._postpone(job, pause, "the endpoint has failed too often and is not asked for a while")
        self._resting.add(place)
        if self._rest is None and not self._stopped:
            self._rest = self._clock.callLater(_REST, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._resting.clear()
        self._wake()

    def _attempt(self, flight: _Flight) -> None:
        job = flight.job
        if job.first_ms is None:
            flight = flight._replace(job=job._replace(first_ms=self._now_ms()))
        ask(
            lambda: self._apps.by_id(job.app_id),
            lambda app: self._send(flight, app),
            lambda error: self._unknown(flight, error),
        )

    def _send(self, flight: _Flight, app: App | None) -> None:
        job = flight.job
        hook = hook_named(app, job.hook) if app is not None else None
        if app is None or hook is None:
            self._log.warn(
                "webhook dropped: {what} is gone", what="its app" if app is None else "its address", app=job.app_id
            )
            self._tally.add(job, "dropped")
            self._settle(lambda: self._queue.done(job))
            self._landed(flight)
            return
        attempt = maybeDeferred(self._sender.send, job, app, hook.webhook).addErrback(self._bug)
        attempt.addCallback(self._told, flight).addErrback(partial(self._log.failure, "a webhook was not settled"))  # type: ignore[unused-awaitable]

    def _bug(self, failure: Failure) -> Outcome:
        self._log.failure("a webhook could not be sent", failure)
        return Outcome(False, None, "internal error, see the log")

    def _unknown(self, flight: _Flight, error: BackendError) -> None:
        """No fault of the endpoint."""
        self._failed(flight.job, f"the app could not be looked up: {error}")
        self._landed(flight)

    def _told(self, outcome: Outcome, flight: _Flight) -> None:
        job, breaker = flight.job, flight.endpoint.breaker
        job = job._replace(attempt=job.attempt + 1)
        if outcome.ok:
            if breaker.succeeded():
                self._log.info("webhooks are delivered again", url=safe_name(job.hook), app=job.app_id)
            self._tally.add(job, "ok")
            self._settle(lambda: self._queue.done(job))
        else:
            if breaker.failed(self._clock.seconds()):
                self._log.warn(
                    "webhooks fail: {reason}", reason=outcome.reason, url=safe_name(job.hook), app=job.app_id
                )
            if outcome.final:
                self._give_up(job, outcome.reason)
            else:
                self._failed(job, outcome.reason)
        self._landed(flight)

    def _failed(self, job: WebhookJob, reason: str) -> None:
        settings = self.settings
        attempts = settings.max_attempts
        if not settings.retrying or (attempts is not None and job.attempt >= attempts):
            self._give_up(job, reason)
        else:
            wait = backoff(max(job.attempt, 1), settings.first_wait, settings.longest_wait, self._jitter())
            self._postpone(job, wait, reason)

    def _postpone(self, job: WebhookJob, wait: float, reason: str) -> None:
        """Try again after this, unless that is too late."""
        since = (self._now_ms() - (job.first_ms or 0)) / 1000
        if since + wait > self.settings.give_up_after:
            self._give_up(job, reason)
            return
        self._tally.add(job, "retry")
        self._settle(lambda: self._queue.retry(job, wait))

    def _give_up(self, job: WebhookJob, reason: str) -> None:
        self._log.error(
            "webhook given up after {attempts} attempts: {reason}",
            attempts=job.attempt,
            reason=reason,
            url=safe_name(job.hook),
            app=job.app_id,
            delivery=job.id,
        )
        self._tally.add(job, "failed")
        self._settle(lambda: self._queue.bury(job, reason))

    def _settle(self, tell: Callable[[], Deferred[None] | None]) -> None:
        """Tell the queue what has become of a job. One that cannot hear it may give the job again."""
        if self._stopped:
            return
        self._settling += 1

        def settled(_: None) -> None:
            self._settling -= 1
            self._wake()

        def failed(error: BackendError) -> None:
            self._log.warn("the webhook queue cannot be written: {error}", error=str(error))
            settled(None)

        ask(tell, settled, failed)

    def _landed(self, flight: _Flight) -> None:
        place = flight.endpoint
        place.flying -= 1
        self._flying -= 1
        self._begin(place)
        if not (place.flying or place.held or place.breaker.failing):
            self._endpoints.pop(place.address, None)
        self._wake()

    def _now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)
