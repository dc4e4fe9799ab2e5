"""A running server: how it starts, goes on with another configuration, and ends.

Stopping drains (scaling.md 10):

    announced   `/up` and `/ready` say so, answers end their connections; for `shutdown.drain_ms` clients may come
    closing     nobody comes any more, sockets are told to come back (4200), what was asked is answered
    told        webhooks of all that are attempted once
    stopped     when that is done, at the latest after the grace period, or at the second signal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults, race
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from .config.load import Loaded
from .connection_log import ConnectionLog
from .engine.server import Engine
from .engine.webhooks import Webhooks
from .listening import SocketListener
from .logs import Wanted
from .reload import Reload
from .systemd import Systemd
from .transports.certificates import Certificates
from .transports.rest.site import RestSite

__all__ = ["Patience", "Server"]

_SPREAD = 5.0
"""Clients are told to leave over at most this long, so that they do not come back all at once (scaling.md 10)."""
_ARRIVING = 1.0
"""Seconds for clients who were accepted and have not asked for anything yet: a TLS handshake over half the world."""
_MARGIN = 5.0
"""Seconds beyond the grace period that a supervisor should wait."""


class Patience(NamedTuple):
    """How long stopping may take, in seconds."""

    grace: float
    """In all."""
    drain: float = 0.0
    """Of these, accepting while balancers learn of it; never more than half."""


class Server(MultiService):
    """Its children are what has to be started and stopped. Give it `reactor` things, never the global reactor."""

    _log = Logger()
    certificates: Certificates | None = None
    """What TLS connections are made with, if we speak TLS."""
    status = 0
    """The exit status of the process."""
    announces = True
    """Whether it says that it is ready; the parent of several says so for all."""
    webhooks: Webhooks | None = None
    """What happens to facts, unless nobody is to hear of them."""

    def __init__(
        self,
        reactor: Any,
        engine: Engine,
        site: RestSite,
        systemd: Systemd,
        reload: Reload,
        departures: ConnectionLog,
        patience: Patience,
        about: Callable[[], Mapping[str, Any]],
    ) -> None:
        super().__init__()
        self.engine = engine
        self.site = site
        self.patience = patience
        self.reloads = reload
        self._departures = departures
        self.listeners: list[SocketListener] = []
        """The main ones; the first is named in the log."""
        self._clock = reactor
        self._about = about
        self._systemd = systemd
        self._hurried: Deferred[None] | None = None
        self._last = self._others_serve = self._cut_off = self._handing_over = False
        systemd.setServiceParent(self)

    def listen(self, listener: SocketListener) -> None:
        """Serve clients of this listener too."""
        self.listeners.append(listener)
        listener.setServiceParent(self)

    def heed(self, wanted: Wanted) -> None:
        """Make these of the log's dear lines from now on. Frames are traced only if they were wanted at the start."""
        self.site.api.log_requests = wanted.requests
        self.site.api.guard.explains = wanted.refusals
        self._departures.on = wanted.connections

    def wait_for(self, patience: Patience) -> None:
        """How long stopping may take from now on."""
        self.patience = patience

    def open(self) -> None:
        """Open the listening sockets now, before a fork or a drop of privileges. Raises `ListenError`.

        Clients' first: what the server can do without must not take their port.
        """
        for child in sorted(self, key=lambda child: child not in self.listeners):
            if isinstance(child, SocketListener):
                child.open()

    def give_to(self, uid: int | None, gid: int | None) -> None:
        """The process will go on as this user and group: let them keep the files of sockets. Raises `ListenError`."""
        for listener in self.listeners:
            listener.give_to(uid, gid)

    def startService(self) -> None:
        super().startService()
        if self.webhooks is not None:
            self.webhooks.start()
        self.site.health.ready = True
        if self.announces:
            self._log.info("ready at {listeners}", listeners=", ".join(self.addresses), **self._about())
        self._clock.callWhenRunning(self._tell_systemd)  # signals are heard by then

    @property
    def addresses(self) -> list[str]:
        """Where clients come in, such as `https://0.0.0.0:6001`."""
        scheme = "https" if self.reloads.loaded.config.ssl.enabled else "http"
        return [address.url(scheme) for listener in self.listeners for address in listener.addresses]

    def reload(self, read: Callable[[], Loaded]) -> bool:
        """Go on with the configuration that `read` gives; whether it could be taken. Ignored while draining."""
        if self.engine.draining:
            self._log.info("not reloading: the server is shutting down")
            return False
        self._systemd.reloading()
        try:
            return self.reloads.again(read)
        finally:
            self._tell_systemd()

    def stopService(self) -> Deferred[None]:
        """Drain; fires when every client has left, or after the grace period, or on `hurry`."""
        grace, drain = self.patience
        drain = min(drain, grace / 2)
        self.engine.announce_end()
        self._systemd.stopping(grace + _MARGIN)
        self._log.info("shutting down", grace_seconds=grace, drain_seconds=drain)
        left = Deferred.fromCoroutine(self._leave(drain, grace - drain)).addErrback(self._failed)
        self._hurried = Deferred()

        def finished(winner: tuple[int, Any]) -> Deferred[None] | None:
            self._departures.flush()
            if winner[0] == 0:
                self._log.info("stopped")
            else:
                self._log.warn("stopped; not all was done in time, the rest is cut off")
            return self._end()

        waits: list[Deferred[Any]] = [left, deferLater(self._clock, grace), self._hurried]
        return race(waits).addCallback(finished)

    async def _leave(self, drain: float, within: float) -> None:
        """Half of the time is for clients; of the rest, half for telling others who has gone, and half for webhooks."""
        if drain:
            await deferLater(self._clock, drain)
        if self._others_serve and not self._cut_off:
            arriving = min(_ARRIVING, within / 8)
            within -= arriving
            await gatherResults([listener.stopService() for listener in self.listeners], consumeErrors=True)
            await deferLater(self._clock, arriving)
        patience = 0.0 if self._cut_off else within / 4
        left = self.engine.drain(min(within / 2, _SPREAD), self._last, patience)
        await gatherResults([self._close(), left, self.site.drain()], consumeErrors=True)
        if self.webhooks is not None and not self._cut_off:
            self._handing_over = True
            await self.webhooks.drain()

    def _end(self) -> Deferred[None] | None:
        """Close what is still open."""
        closed = [self._close()] if self.running else []
        if self.webhooks is not None:
            closed.append(self.webhooks.close())
        return gatherResults(closed, consumeErrors=True).addCallback(lambda _: None) if closed else None

    def _close(self) -> Deferred[None]:
        """Stop listening, and whatever else is started and stopped."""
        closed: Deferred[None] = super().stopService()
        return closed

    def hurry(self) -> None:
        """Stop waiting for clients."""
        if self._hurried is not None and not self._hurried.called:
            self._hurried.callback(None)

    def leave(self, last: bool) -> None:
        """One of several is about to stop. `last`: all of them, and nobody comes after who tells what is pending.

        While others serve on the same port no balancer has to learn of it, and no client either: who was accepted
        here is served before he is told to come back.
        """
        self._last, self._others_serve = last, not last
        if not last:
            self.patience = self.patience._replace(drain=0.0)

    def cut_off(self) -> None:
        """The hub is gone: clients can still be told to leave, and nothing else can be handed over."""
        self._cut_off = True
        if self._handing_over:
            self.hurry()

    def _tell_systemd(self) -> None:
        if self.engine.draining:
            return
        trouble = "; the last reload was refused, see the log" if self.reloads.last_ok is False else ""
        self._systemd.ready(f"ready at {', '.join(self.addresses)}{trouble}")

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        cancelled = isinstance(error, FirstError) and error.subFailure.check(CancelledError)
        if not cancelled and not failure.check(CancelledError):
            self._log.failure("draining failed", failure)
