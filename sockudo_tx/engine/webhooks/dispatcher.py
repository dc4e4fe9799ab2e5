"""Takes deliveries out of the queue, has them attempted, and settles them.

An endpoint that is slow or dead costs itself: it has few attempts in flight, and beyond some failures in a row is asked
one thing at a time, with pauses (scaling.md 11, decisions.md 48). What it refuses does not keep it from what it takes:
first attempts do not wait for those of deliveries that failed before, and all hooks of an address have their turn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...interfaces import BackendError, IApps, IWebhookQueue, IWebhookSender, Outcome, WebhookJob
from ...protocol.app import App
from ...protocol.webhooks import backoff, endpoint, hook_named, safe_name
from ..answers import ask
from .endpoints import AGAIN_AT_MOST, ALL_AT_MOST, EACH_AT_MOST, SOON, Endpoint, Endpoints, Flight
from .lane import Lane
from .settings import WebhookSettings
from .tally import WebhookTally

__all__ = ["ALL_AT_MOST", "EACH_AT_MOST", "Dispatcher"]

_TAKEN_AT_ONCE = 16
"""Jobs taken in one go: what is beyond its endpoint's room is held here until there is."""
_FIRST_IN_A_ROW = 3
"""After so many first attempts at one endpoint, it is a failed delivery's turn."""
_REST = 0.1
"""Seconds for which an endpoint is left alone that answers, and refuses everything."""
_RESTED_A_SECOND = 50
"""Attempts a second that all of these together are good for: the more there are, the longer each is left alone."""
_SWEEP = 1.0
"""Seconds after a failure for which what is too late is looked for in the queue, some in each turn."""
_AGAIN = 1.0
"""Seconds until the queue is asked again after it failed."""


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
        self._endpoints = Endpoints()
        self._held = self._settling = 0
        self._asking = self._again = self._stopped = False
        self._hasty = False
        """What was never attempted is attempted now, whatever is known of its endpoint."""
        self._next: IDelayedCall | None = None
        self._pauses: dict[Endpoint, IDelayedCall] = {}
        """Endpoints that are left alone for a while, and have something to do then."""
        self._refusing: set[Endpoint] = set()
        """Endpoints that answer, are asked one thing at a time, and have something to do."""
        self._serving = False
        self._idle: list[Deferred[None]] = []

    def start(self) -> None:
        """Take what is due, from now on whenever there is something."""
        self._queue.listen(self._wake, lambda job: self._tally.add(job, "dropped"))
        self._wake()

    @property
    def under_way(self) -> int:
        """Jobs that are taken and not settled."""
        return self._endpoints.flying + self._held + self._settling

    def stop(self) -> None:
        """Take nothing more, and settle nothing: attempts under way are lost, or made again by a durable queue."""
        self._stopped = True
        for call in (self._next, *self._pauses.values()):
            if call is not None:
                call.cancel()
        self._next = None
        self._pauses.clear()

    def idle(self) -> Deferred[None]:
        """Fires when nothing is in flight, and nothing due may be attempted now.

        From now on everything is due, and what was never attempted may be, whatever is known of its endpoint. What is
        kept for the next start has time.
        """
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        if not self._queue.durable:
            self._hasty = True
            ask(self._queue.hasten, lambda _: None, self._unreadable)
        for place in self._endpoints.all_used():
            self._begin(place)
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
        if self._endpoints.full:
            return
        self._asking, self._again = True, False
        ask(
            lambda: self._queue.take(_TAKEN_AT_ONCE, self._endpoints.busy, self._endpoints.tired),
            self._taken,
            self._not_taken,
        )

    def _taken(self, jobs: list[WebhookJob]) -> None:
        self._asking = False
        self._held += len(jobs)
        places: dict[Endpoint, None] = {}
        for job in jobs:
            place = self._endpoints.get(endpoint(job.hook))
            (place.again if job.attempt else place.fresh).add(job)
            places[place] = None
        for place in places:
            self._begin(place)
        if jobs or self._again:
            self._wake()
        elif not self._endpoints.flying and not self._settling:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def _not_taken(self, error: BackendError) -> None:
        self._asking = False
        self._unreadable(error)
        self._wake(_AGAIN)

    def _unreadable(self, error: BackendError) -> None:
        self._log.warn("the webhook queue cannot be read: {error}", error=str(error))

    def _begin(self, place: Endpoint) -> None:
        """Attempt what is held for the endpoint as far as there is room. Whoever makes room calls this again."""
        if self._stopped or place.starting:
            return
        now = self._clock.seconds()
        self._endpoints.look(now)
        place.starting = True
        try:
            while (lane := self._lane(place, now)) is not None:
                job = lane.pop()
                self._held -= 1
                self._attempt(self._endpoints.begin(job, place, now))
        finally:
            place.starting = False
        if not place.used:
            self._refusing.discard(place)
            self._endpoints.rest(place)

    def _lane(self, place: Endpoint, now: float) -> Lane | None:
        """What is to be attempted next, None if nothing may be."""
        fresh, again = place.fresh, place.again
        if not (fresh or again) or place.flying >= (EACH_AT_MOST if self._hasty else place.most):
            return None
        pause = place.breaker.pause(now)
        longer = max(pause, place.breaker.pause(now, first=False))
        ready = bool(fresh) and (not pause or self._hasty)
        if not ready and (pause if fresh else longer):
            self._sweep(place, now)
            if fresh or again:
                self._pause(place, pause if fresh else longer)
            return None
        if not self._endpoints.room(place):
            self._endpoints.wait(place)
            return None
        turn = not ready or place.streak >= _FIRST_IN_A_ROW
        if again and turn and not longer and place.repeats < AGAIN_AT_MOST:
            return again
        return fresh if ready else None

    def _pause(self, place: Endpoint, seconds: float) -> None:
        """Look after the endpoint then, at the latest."""
        call = self._pauses.get(place)
        if call is None:
            self._pauses[place] = self._clock.callLater(seconds, self._paused, place)
        elif call.getTime() > self._clock.seconds() + seconds:
            call.reset(seconds)

    def _paused(self, place: Endpoint) -> None:
        del self._pauses[place]
        self._begin(place)
        self._wake()

    def _sweep(self, place: Endpoint, now: float) -> None:
        """Give up what has waited too long for an endpoint that has failed once more a moment ago.

        One that answers hears each delivery once, however late.
        """
        if self._hasty or now - place.failed > _SWEEP:
            return
        long_ago = (now - self.settings.give_up_after) * 1000

        def late(job: WebhookJob) -> bool:
            return (job.time_ms if job.first_ms is None else job.first_ms) < long_ago

        given_up = place.again.pop_while(late)
        if place.breaker.silent:
            given_up += place.fresh.pop_while(late)
        self._held -= len(given_up)
        for job in given_up:
            self._give_up(job, "its endpoint failed too often, and was left alone until it was too late")

    def _attempt(self, flight: Flight) -> None:
        job = flight.job
        if job.first_ms is None:
            flight.job = job._replace(first_ms=self._now_ms())
        # Whatever goes wrong, ours too, the attempt ends: it has one of few places.
        found: Deferred[App | None] = maybeDeferred(self._apps.by_id, job.app_id)  # type: ignore[call-overload]
        ended = found.addCallbacks(partial(self._send, flight), partial(self._unknown, flight))
        ended = ended.addErrback(partial(self._log.failure, "Bug: a webhook was not settled"))
        ended = ended.addCallback(lambda _: self._landed(flight))
        _ = ended.addErrback(partial(self._log.failure, "Bug: an attempt did not end"))

    def _send(self, flight: Flight, app: App | None) -> Deferred[None] | None:
        if self._stopped:
            return None
        job = flight.job
        hook = hook_named(app, job.hook) if app is not None else None
        if app is None:
            self._log.warn("webhook dropped: its app is gone", url=safe_name(job.hook), app=job.app_id, delivery=job.id)
            self._tally.add(job, "dropped")
            self._settle(lambda: self._queue.done(job))
        elif hook is None:
            self._give_up(job, "its webhook is not configured any more")
        else:
            attempt = maybeDeferred(self._sender.send, job, app, hook.webhook).addErrback(self._bug)
            return attempt.addCallback(self._told, flight)
        return None

    def _bug(self, failure: Failure) -> Outcome:
        self._log.failure("a webhook could not be sent", failure)
        return Outcome(False, None, "internal error, see the log")

    def _unknown(self, flight: Flight, failure: Failure) -> None:
        """No fault of the endpoint."""
        if self._stopped:
            return
        if not failure.check(BackendError):
            self._log.failure("an app could not be looked up", failure)
        self._failed(flight.job, f"the app could not be looked up: {failure.value}")

    def _told(self, outcome: Outcome, flight: Flight) -> None:
        if self._stopped:
            return  # it was cut off by ourselves, or nobody can hear of it any more
        job = flight.job._replace(attempt=flight.job.attempt + 1)
        self._learn(flight, outcome)
        if outcome.ok:
            self._tally.add(job, "ok")
            self._settle(lambda: self._queue.done(job))
        elif outcome.final:
            self._give_up(job, outcome.reason)
        else:
            self._failed(job, outcome.reason)

    def _learn(self, flight: Flight, outcome: Outcome) -> None:
        """What an attempt says about its endpoint."""
        place, job = flight.endpoint, flight.job
        now = self._clock.seconds()
        took = now - flight.since
        place.prompt = outcome.ok or took < SOON
        if outcome.ok:
            self._refusing.discard(place)
            if place.breaker.succeeded():
                self._log.info("webhooks are delivered again", url=safe_name(job.hook), app=job.app_id)
            return
        place.failed = now
        rest = None if outcome.status is None else max(_REST, took, len(self._refusing) / _RESTED_A_SECOND)
        if place.breaker.failed(now, first=flight.first, rest=rest):
            place.streak = 0
            self._log.warn("webhooks fail: {reason}", reason=outcome.reason, url=safe_name(job.hook), app=job.app_id)
        if place.breaker.tripped and rest is not None:
            self._refusing.add(place)
        else:
            self._refusing.discard(place)

    def _failed(self, job: WebhookJob, reason: str) -> None:
        """Try again, unless there is no time left for it."""
        settings = self.settings
        wait = backoff(max(job.attempt, 1), settings.first_wait, settings.longest_wait, self._jitter())
        since = (self._now_ms() - (job.first_ms or 0)) / 1000
        enough = settings.max_attempts is not None and job.attempt >= settings.max_attempts
        if enough or not settings.retrying or since + wait > settings.give_up_after:
            self._give_up(job, reason)
        else:
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

    def _landed(self, flight: Flight) -> None:
        if self._stopped:
            return
        self._endpoints.end(flight)
        self._begin(flight.endpoint)
        if not self._serving:
            self._serving = True
            try:
                while (place := self._endpoints.roomy()) is not None:
                    self._begin(place)
            finally:
                self._serving = False
        self._wake()

    def _now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)
