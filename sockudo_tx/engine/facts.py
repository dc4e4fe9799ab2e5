"""Facts for webhooks: told when they happen, or after the grace that suppresses short absences (scaling.md 6.6)."""

from __future__ import annotations

import math

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..interfaces import BackendError, Due, Fact, IApps, IAuthority, IFacts
from ..protocol.app import App
from .answers import ask
from .registry import Registry

__all__ = ["FactTeller"]

SLICE = 50
"""Facts told in one turn of the reactor: about a millisecond with webhooks. A crowd that left is due at once."""
_AGAIN = 1.0
"""Seconds until an authority that failed is asked again."""


class FactTeller:
    """Builds facts only for apps that want them, and asks the authority for those whose grace has passed."""

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, registry: Registry, apps: IApps, authority: IAuthority, facts: IFacts
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._apps = apps
        self._authority = authority
        self._facts = facts
        self._timer: IDelayedCall | None = None
        self._asking = False

    def wants(self, app: App, name: str) -> bool:
        return self._facts.wants(app, name)

    def tell(self, app: App, fact: Fact) -> None:
        if self._facts.wants(app, fact.name):
            self._facts.emit(app, fact)

    def graces_changed(self) -> None:
        """Something may have disappeared: look again when the first grace ends."""
        if self._timer is not None or self._asking:
            return
        due_at = self._authority.next_due()
        if due_at is not None:
            self._timer = self._clock.callLater(max(0.0, due_at - self._clock.seconds()), self._look)

    def flush(self) -> Deferred[None]:
        """Tell everything pending, without further grace: this process's own connections are gone. Fires when it is
        told. All at once would hold the reactor, and be more than webhooks can take."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._authority.next_due() is None:
            return succeed(None)
        done: Deferred[None] = Deferred()

        def tell_some() -> None:
            ask(lambda: self._authority.due(math.inf, SLICE), told, failed)

        def told(dues: list[Due]) -> None:
            self._tell_all(dues)
            if len(dues) < SLICE:
                done.callback(None)
            else:
                self._clock.callLater(0, tell_some)

        def failed(error: BackendError) -> None:
            self._lost(error)
            done.callback(None)

        tell_some()
        return done

    def _look(self) -> None:
        """Tell what is due, then wait for the next: never ask while an answer is on its way."""
        self._timer = None
        self._asking = True

        def told(dues: list[Due]) -> None:
            self._asking = False
            self._tell_all(dues)
            self.graces_changed()

        def failed(error: BackendError) -> None:
            self._asking = False
            self._lost(error)
            self._timer = self._clock.callLater(_AGAIN, self._look)

        now = self._clock.seconds()
        ask(lambda: self._authority.due(now, SLICE), told, failed)

    def _tell_all(self, dues: list[Due]) -> None:
        for due in dues:
            self._tell_one(due)

    def _tell_one(self, due: Due) -> None:
        fact = Fact(due.name, due.channel, user_id=due.user_id)
        space = self._registry.apps.get(due.app_id)
        if space is not None:
            self.tell(space.app, fact)
            return
        ask(lambda: self._apps.by_id(due.app_id), lambda app: self.tell(app, fact) if app else None, self._lost)

    def _lost(self, error: BackendError) -> None:
        self._log.warn("webhook facts could not be looked up: {error}", error=str(error))
