"""Facts for webhooks: told when they happen, or after the grace that suppresses short absences (scaling.md 6.6)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..interfaces import BackendError, Due, Dues, Fact, IApps, IAuthority, IFacts
from ..protocol.app import App
from .answers import ask
from .registry import Registry
from .repeats import Repeats

__all__ = ["COUNTED_WITHIN", "FactTeller"]

SLICE = 50
"""Facts told in one turn of the reactor: about a millisecond with webhooks. A crowd that left is due at once."""
_AGAIN = 1.0
"""Seconds until an authority that failed is asked again."""
_SWEEP = 5.0
"""Seconds between two looks at what other nodes may have left behind."""
COUNTED_WITHIN = 0.1
"""Seconds in which a total becomes due at the earliest; see `IAuthority.count`."""
_PAUSE = 0.1
"""Seconds between two looks where there are other nodes, who all look."""
_UNDER_WAY = 0.3
"""Seconds until what is told to an authority elsewhere is known there, so that something can become due."""


class FactTeller:
    """Builds facts only for apps that want them, and asks the authority for those whose time has come.

    `grace` seconds after somebody disappears there may be something to tell. `counted` is told of totals.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        registry: Registry,
        apps: IApps,
        authority: IAuthority,
        facts: IFacts,
        repeats: Repeats,
        grace: float = 3.0,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._apps = apps
        self._authority = authority
        self._facts = facts
        self._repeats = repeats
        self._grace = grace
        self.counted: Callable[[App, Due], None] = lambda app, due: None
        self._timer: IDelayedCall | None = None
        self._at = math.inf
        """When to look, or when it was meanwhile found out that there will be something, while an answer is awaited."""
        self._until = 0.0
        """Until when this node expects something; what others expect later, they tell."""
        self._asking = False
        self._sweep: IDelayedCall | None = None

    def wants(self, app: App, name: str) -> bool:
        return self._facts.wants(app, name)

    def tell(self, app: App, fact: Fact) -> None:
        if self._facts.wants(app, fact.name):
            self._facts.emit(app, fact)

    def tell_of(self, app_id: str, fact: Fact) -> None:
        """Tell it if the app has anybody here."""
        space = self._registry.apps.get(app_id)
        if space is not None:
            self.tell(space.app, fact)

    def others_gone(self) -> None:
        """Another node is no more: totals are others at once, and its sockets may have been the last."""
        self.disappeared()
        self.expect(COUNTED_WITHIN)

    def disappeared(self) -> None:
        """Somebody left: look when the grace has passed."""
        self.expect(self._grace)

    def expect(self, seconds: float) -> None:
        """Something becomes due then. Sooner is no mistake: the authority says how long it takes."""
        at = self._clock.seconds() + seconds
        until = at if self._sweep is None else at + _UNDER_WAY
        if until > self._until:
            self._until = until
        if at < self._at:
            self._at = at
            if not self._asking:
                self._set_timer()

    def sweep(self) -> None:
        """There are other nodes: every now and then look for what nobody has told."""
        if self._sweep is None:
            self._sweep = self._clock.callLater(_SWEEP * random.uniform(0.8, 1.2), self._swept)  # noqa: S311  # no secret

    def stop(self) -> None:
        """Look no more."""
        for timer in (self._timer, self._sweep):
            if timer is not None:
                timer.cancel()
        self._timer = self._sweep = None
        self._at = math.inf

    def flush(self, final: bool = True) -> Deferred[None]:
        """Tell what is due; with `final`, as there is no other node, all that is pending, without further grace.

        Fires when it is told. All at once would hold the reactor, and be more than webhooks can take.
        """
        if not self._until and self._sweep is None:
            return succeed(None)  # nobody has ever left
        self.stop()
        done: Deferred[None] = Deferred()

        def tell_some() -> None:
            ask(lambda: self._authority.due(SLICE, final), told, failed)

        def told(dues: Dues) -> None:
            self._tell_all(dues.found)
            if dues.wait == 0:
                self._clock.callLater(0, tell_some)
            else:
                done.callback(None)

        def failed(error: BackendError) -> None:
            self._lost(error)
            done.callback(None)

        tell_some()
        return done

    def _swept(self) -> None:
        self._sweep = None
        self.sweep()
        self.expect(0)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(max(0.0, self._at - self._clock.seconds()), self._look)

    def _look(self) -> None:
        """Tell what is due, then wait for the next: never ask while an answer is on its way."""
        self._timer = None
        self._at = math.inf
        self._asking = True

        def told(dues: Dues) -> None:
            self._asking = False
            self._tell_all(dues.found)
            if len(dues.found) >= SLICE:
                self.expect(0)
            self._look_again(dues.wait)

        def failed(error: BackendError) -> None:
            self._asking = False
            self._lost(error)
            self._look_again(_AGAIN)

        ask(lambda: self._authority.due(SLICE), told, failed)

    def _look_again(self, wait: float | None) -> None:
        now = self._clock.seconds()
        if self._sweep is not None:
            if wait is not None and now + wait <= self._until + _PAUSE:
                wait = max(wait, _PAUSE)
            else:
                wait = self._until - now if now < self._until else None
        if wait is not None:
            self._at = min(self._at, now + wait)
        if self._at < math.inf and self._timer is None:
            self._set_timer()

    def _tell_all(self, dues: list[Due]) -> None:
        for due in dues:
            self._tell_one(due)

    def _tell_one(self, due: Due) -> None:
        def tell(app: App | None) -> None:
            if app is None:
                return
            if due.name == "subscription_count":
                self.counted(app, due)
            else:
                self.tell(app, Fact(due.name, due.channel, user_id=due.user_id))

        space = self._registry.apps.get(due.app_id)
        if space is not None:
            tell(space.app)
        else:
            ask(lambda: self._apps.by_id(due.app_id), tell, self._lost)

    def _lost(self, error: BackendError) -> None:
        if self._repeats.due("fact"):
            self._log.warn("webhook facts could not be looked up: {error}", error=str(error))
