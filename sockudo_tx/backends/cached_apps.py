"""A memory of App records in front of a store that is slow or far away (scaling.md 13.2).

An app found is known for `ttl`, by key and by id, and asked for again, in the background, when four fifths of
that are over. An unknown key or id is known as unknown for a few seconds. However many ask at once, the store
is asked once. While the store fails, what was known stays true for up to a day, because clients told that their
app does not exist do not come back.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..interfaces import Answer, BackendError, IApps
from ..protocol.app import App

__all__ = ["CachedApps"]

_REFRESH_AT = 0.8  # of the ttl
_NEGATIVE_TTL = 5.0
_STALE_TTL = 24 * 3600.0
_CAPACITY = 10_000
"""Names under which apps are known, and as many that are known to be unknown. Those push no app out: anybody can make
some up."""


class _Name(NamedTuple):
    """What an app is looked up by."""

    by_id: bool
    text: str


class _Entry(NamedTuple):
    """The app that is known under one name."""

    app: App
    refresh: float
    """From here on, ask again in the background."""
    fresh: float
    """From here on, ask before answering, unless the store is known to fail."""
    stale: float
    """From here on, useless even when the store fails."""
    failing: bool = False
    """The store failed when asked again."""


@implementer(IApps)
class CachedApps:
    """An `IApps` that seldom asks the one behind it. `ttl` 0 means an app once found is never asked for again."""

    _log = Logger()

    def __init__(
        self,
        inner: IApps,
        clock: IReactorTime,
        ttl: float = 300.0,
        *,
        negative_ttl: float = _NEGATIVE_TTL,
        stale_ttl: float = _STALE_TTL,
        capacity: int = _CAPACITY,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._ttl = ttl or math.inf
        self._negative_ttl = negative_ttl
        self._stale_ttl = stale_ttl
        self._capacity = capacity
        self._entries: OrderedDict[_Name, _Entry] = OrderedDict()
        self._unknown: OrderedDict[_Name, float] = OrderedDict()
        """Until when there is no need to ask; in the order in which they end."""
        self._waiting: dict[tuple[_Name, int], list[Deferred[App | None]]] = {}
        self._forgotten = 0  # how often something was forgotten; an answer asked for before that is not kept
        self._failing = False
        self.stale_answers = 0
        """How often a record past its time was served because the store failed."""

    def by_key(self, key: str) -> Answer[App | None]:
        return self._lookup(_Name(False, key))

    def by_id(self, app_id: str) -> Answer[App | None]:
        return self._lookup(_Name(True, app_id))

    def all(self) -> Answer[list[App]]:
        """Always the store's own answer; every app in it is known afterwards."""
        since = self._forgotten
        answer = self._inner.all()
        if isinstance(answer, Deferred):
            return answer.addCallback(self._learn_all, since)
        return self._learn_all(answer, since)

    def forget(self, app_id: str) -> None:
        """The app has changed: ask the store when it is wanted next. Unknown names are forgotten too."""
        self._forgotten += 1
        self._unknown.clear()
        for name, entry in list(self._entries.items()):
            if entry.app.id == app_id:
                del self._entries[name]

    def _lookup(self, name: _Name) -> Answer[App | None]:
        entry = self._entries.get(name)
        now = self._clock.seconds()
        if entry is None and now < self._unknown.get(name, 0.0):
            return None
        if entry is None or (now >= entry.fresh and not (entry.failing and now < entry.stale)):
            return self._ask(name)
        self._entries.move_to_end(name)
        if now >= entry.refresh and (name, self._forgotten) not in self._waiting:
            self._refresh(name)
        if now >= entry.fresh:
            self.stale_answers += 1
        return entry.app

    def _refresh(self, name: _Name) -> None:
        """Ask for what is known already; nobody waits for the answer."""
        try:
            answer = self._ask(name)
        except BackendError:
            return
        if isinstance(answer, Deferred):
            _ = answer.addErrback(self._not_refreshed)

    def _not_refreshed(self, failure: Failure) -> None:
        if not isinstance(failure.value, BackendError):  # that one has been told already
            self._log.failure("an app could not be asked for again", failure)

    def _ask(self, name: _Name) -> Answer[App | None]:
        """The store's answer; whoever asks the same meanwhile waits for it too."""
        since = self._forgotten
        if (name, since) in self._waiting:
            return self._wait(name, since)
        try:
            answer = self._inner.by_id(name.text) if name.by_id else self._inner.by_key(name.text)
        except BackendError as error:
            return self._despite(name, error)
        if not isinstance(answer, Deferred):
            return self._learn(answer, name, since)
        self._waiting[name, since] = []
        waiter = self._wait(name, since)
        learned = answer.addCallback(self._learn, name, since)
        _ = learned.addErrback(self._failed, name).addBoth(self._tell, name, since)
        return waiter

    def _wait(self, name: _Name, since: int) -> Deferred[App | None]:
        """A Deferred of its own for each caller, so that one who gives up takes nothing from the others."""
        waiters = self._waiting[name, since]
        waiter: Deferred[App | None] = Deferred(waiters.remove)
        waiters.append(waiter)
        return waiter

    def _tell(self, result: App | Failure | None, name: _Name, since: int) -> None:
        waiters = self._waiting.pop((name, since))
        while waiters:  # telling one may make another give up
            waiters.pop(0).callback(result)  # a Failure goes to the errbacks

    def _learn(self, app: App | None, name: _Name, since: int) -> App | None:
        self._failing = False
        if since == self._forgotten:
            if app is None:
                self._keep_unknown(name)
            else:
                self._keep(app)
        return app

    def _learn_all(self, apps: list[App], since: int) -> list[App]:
        if since == self._forgotten:
            for app in apps:
                self._keep(app)
        return apps

    def _keep(self, app: App) -> None:
        now = self._clock.seconds()
        fresh = now + self._ttl
        self._drop(self._entries.get(_Name(True, app.id)))
        entry = _Entry(app, now + self._ttl * _REFRESH_AT, fresh, fresh + self._stale_ttl)
        self._put(_Name(True, app.id), entry)
        self._put(_Name(False, app.key), entry)

    def _keep_unknown(self, name: _Name) -> None:
        self._drop(self._entries.get(name))
        self._unknown.pop(name, None)  # last place in line
        self._unknown[name] = self._clock.seconds() + self._negative_ttl
        while len(self._unknown) > self._capacity:
            self._unknown.popitem(last=False)

    def _drop(self, entry: _Entry | None) -> None:
        """Forget an older record under both its names; its key may not be the app's key any more."""
        if entry is not None:
            self._entries.pop(_Name(True, entry.app.id), None)
            self._entries.pop(_Name(False, entry.app.key), None)

    def _put(self, name: _Name, entry: _Entry) -> None:
        self._unknown.pop(name, None)
        self._entries[name] = entry
        self._entries.move_to_end(name)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def _failed(self, failure: Failure, name: _Name) -> App:
        failure.trap(BackendError)
        assert isinstance(failure.value, BackendError)  # trap saw to it
        return self._despite(name, failure.value)

    def _despite(self, name: _Name, error: BackendError) -> App:
        """What was known, although the store failed; it is asked again a little later. Raises when nothing was."""
        entry = self._entries.get(name)
        now = self._clock.seconds()
        if entry is None or now >= entry.stale:
            raise error
        if not self._failing:
            self._failing = True
            self._log.warn("the app store fails, known apps are served from memory: {error}", error=error)
        if now >= entry.fresh and not entry.failing:
            self.stale_answers += 1
        self._put(name, entry._replace(refresh=now + self._negative_ttl, failing=True))
        return entry.app
