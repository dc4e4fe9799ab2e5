"""The parent of the workers: what they share, who looks after them, and how it starts, reloads and ends.

It has no client of its own. Its own settings are few: what it writes to the log, and how long an end may take; all
others are its workers', who are replaced when they change. Source: scaling.md 7.3, 10.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, race
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ..backends.hub.wire import GroupState
from ..backends.memory.authority import MemoryAuthority
from ..config.load import Loaded
from ..interfaces import IWebhookQueue
from ..listening import PassedSockets, SocketListener
from ..logs import Wanted
from ..reactor import soon
from ..reload import Reload, follows
from ..server import Patience
from ..service import about, certificates_of, certificates_part, encrypts, patience
from ..shared import cache_of, limiter_of, queue_of
from ..signals import reap_children
from ..systemd import Systemd
from .exchange import Exchange
from .output import Output
from .rolling import Rolling
from .scraped import machine_metrics
from .sockets import ListeningSockets
from .spawning import Spawning
from .supervisor import Supervisor

__all__ = ["Hub", "make_hub"]

_MARGIN = 5.0
"""Seconds beyond the grace period that a supervisor of ours should wait."""
_AFTER_WORKERS = 1.0
"""Seconds after the grace period, which workers keep by themselves."""


class Hub(MultiService):
    """Has what `Server` has for whoever starts a process: `open`, `reload`, `hurry`, `reloads`, `heed`."""

    _log = Logger()
    status = 0
    """The exit status of the process."""

    def __init__(
        self,
        reactor: Any,
        sockets: ListeningSockets,
        exchange: Exchange,
        queue: IWebhookQueue | None,
        spawn: Spawning,
        workers: int,
        loaded: Loaded,
    ) -> None:
        super().__init__()
        self.sockets = sockets
        self.exchange = exchange
        self.output = spawn.output
        """Where what workers print goes."""
        self.reloads = Reload(loaded, reactor)
        self.supervisor = Supervisor(reactor, spawn, workers, loaded, self._changed, self._failed)
        self.patience = patience(loaded.config)
        self._rolling = Rolling(self.supervisor)
        self._queue = queue
        self._reactor = reactor
        self._systemd = Systemd(reactor, os.environ)
        self._systemd.setServiceParent(self)
        self._hurried: Deferred[None] = Deferred()
        self._told = False

    # starting

    def open(self) -> None:
        """Open the sockets of all workers now, before a fork or a drop of privileges. Raises `ListenError`."""
        self.sockets.open()
        for child in self:
            if isinstance(child, SocketListener):
                child.open()

    def give_to(self, uid: int | None, gid: int | None) -> None:
        """The process will go on as this user and group."""
        self.sockets.give_to(uid, gid)

    def heed(self, wanted: Wanted) -> None:
        """Which dear lines are wanted is the workers' business: they read it out of their own configuration."""

    def startService(self) -> None:
        super().startService()
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        reap_children(self._reactor)
        self.supervisor.start()

    def _changed(self) -> None:
        """A worker is ready, or a slot was given up."""
        supervisor = self.supervisor
        serving = sum(slot.current is not None for slot in supervisor.slots)
        state = GroupState(serving, supervisor.empty, supervisor.trouble)
        for slot in supervisor.slots:
            if slot.empty and slot.coming is None:  # a reload may be trying again
                self.sockets.silence(slot.number)
        for worker in supervisor.workers():
            if worker.is_ready and worker.station is not None:
                worker.station.tell_state(state)
        if supervisor.started and not self._told:
            self._told = True
            self._log.info(
                "ready at {listeners}",
                listeners=", ".join(self.addresses),
                workers=len(supervisor.slots),
                **about(self.reloads.loaded, self._reactor),
            )
        if self._told and not self._rolling.under_way:
            self._tell_systemd()

    def _failed(self, why: str) -> None:
        """There is no point in going on."""
        self._log.critical("no worker could be started: {why}" if not self._told else "ending: {why}", why=why)
        self.status = 1
        self._reactor.stop()

    @property
    def addresses(self) -> list[str]:
        """Where clients come in, such as `https://0.0.0.0:6001`."""
        scheme = "https" if self.reloads.loaded.config.ssl.enabled else "http"
        return [address.url(scheme) for address in self.sockets.addresses]

    def _tell_systemd(self) -> None:
        if self.supervisor.draining:
            return
        trouble = "; the last reload was refused, see the log" if self.reloads.last_ok is False else ""
        empty = f"; {self.supervisor.trouble}" if self.supervisor.trouble else ""
        self._systemd.ready(f"ready at {', '.join(self.addresses)}{trouble}{empty}")

    # reloading

    def wait_for(self, patience: Patience) -> None:
        """How long stopping may take from now on."""
        self.patience = patience

    def reload(self, read: Callable[[], Loaded]) -> bool:
        """Replace the workers by some with the configuration that `read` gives; whether it could be taken."""
        if self.supervisor.draining:
            self._log.info("not reloading: the server is shutting down")
            return False
        self._systemd.reloading()
        if not self.reloads.take(read):
            return self._reloaded(False)
        rolled = self._rolling.roll(self.reloads.loaded)
        rolled.addCallback(self._reloaded)  # type: ignore[unused-awaitable]  # the chain ends here
        return True

    def _reloaded(self, succeeded: bool) -> bool:
        if not self._rolling.waiting and self.reloads.loaded is not self.supervisor.loaded:  # nobody can start with it
            self.reloads.go_back(self.supervisor.loaded)
        self.reloads.ended(succeeded)
        self._tell_systemd()
        return succeeded

    # ending

    def stopService(self) -> Deferred[None]:
        """Have every worker drain; fires when the last one has ended and what they shared is closed."""
        grace, drain = self.patience
        self._systemd.stopping(grace + _MARGIN)
        self._log.info("shutting down", grace_seconds=grace, drain_seconds=drain)
        left = self.supervisor.drain()
        # as long as clients are taken, and not longer: what we hold open would let them wait for nobody
        closing = self._reactor.callLater(min(drain, grace / 2), self.sockets.close)
        waits: list[Deferred[Any]] = [left, deferLater(self._reactor, grace + _AFTER_WORKERS), self._hurried]

        async def end() -> None:
            winner, _ = await race(waits)
            if winner:
                self.supervisor.hurry()
                self._log.warn("stopping; not all was done in time, the rest is cut off")
                await self.supervisor.over()
            if closing.active():
                closing.cancel()
                self.sockets.close()
            if self._queue is not None:
                closed = self._queue.close()
                if isinstance(closed, Deferred):
                    await closed
            await self._close()
            self._log.info("stopped")

        return Deferred.fromCoroutine(end())

    def _close(self) -> Deferred[None]:
        closed: Deferred[None] = super().stopService()
        return closed

    def hurry(self) -> None:
        """Stop waiting for clients."""
        if self.supervisor.draining and not self._hurried.called:
            self._hurried.callback(None)


def make_hub(loaded: Loaded, reactor: Any, workers: int, *, passed: PassedSockets | None = None) -> Hub:
    """The parent of so many workers, on this reactor. Raises `DriverError` and `CertificateError`."""
    config = loaded.config
    clock = IReactorTime(reactor)
    services: dict[str, object] = {"cache": cache_of(config, reactor), "limiter": limiter_of(config, reactor)}
    queue = queue_of(config, reactor)
    if queue is not None:
        services["queue"] = queue
    authority = MemoryAuthority(reactor, grace=config.webhooks.grace_ms / 1000)
    exchange = Exchange(clock, services, authority, soon(reactor))
    passed = passed or PassedSockets()
    sockets = ListeningSockets(config, workers, passed)
    spawn = Spawning(reactor, exchange, sockets, workers, Output())
    hub = Hub(reactor, sockets, exchange, queue, spawn, workers, loaded)
    hub.reloads.parts.append(follows(hub.wait_for, patience))
    for service in machine_metrics(config, reactor, hub.supervisor, exchange, hub.reloads, queue, passed.metrics):
        service.setServiceParent(hub)
    if encrypts(config, passed):
        certificates = spawn.certificates = certificates_of(config, reactor)
        certificates.setServiceParent(hub)
        hub.reloads.parts.append(certificates_part(certificates))
    return hub
