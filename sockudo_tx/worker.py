"""`python -m sockudo_tx.worker`: one of several processes that serve clients. Its parent, the hub, starts it.

    orders read -> reactor -> the hub says welcome -> server built over the link -> listeners accept -> ready

It ends when the hub tells it to, at SIGTERM, and when the hub is gone; each time its clients are told to come back.
SIGINT and SIGHUP are for its parent. Source: scaling.md 7.3, 10.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import secrets
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from .hub.orders import FIRST_SOCKET, LINK, PARENTS, Orders

if TYPE_CHECKING:  # the reactor has to be chosen before anything imports Twisted's
    from .server import Server

__all__ = ["main"]

_LAST_WORDS = 1.0
"""Seconds the hub has to take what was counted here."""


def main() -> int:
    """Serves as ordered; the exit status."""
    faulthandler.enable()  # the hub sends SIGABRT to one that hangs
    for number in PARENTS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PARENTS)
    orders = Orders.read()
    _install_reactor(orders.reactor)
    from twisted.internet import reactor
    from twisted.logger import globalLogBeginner, globalLogPublisher

    from .descriptors import TurnedAway
    from .hub.output import unblocked, worker_log
    from .process import log_settings

    clock: Any = reactor
    log = worker_log(unblocked(sys.stdout.fileno()), log_settings(orders.loaded), orders.manner, orders.slot)
    globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
    globalLogPublisher.addObserver(TurnedAway(clock))
    worker = _Worker(orders, clock)
    clock.callWhenRunning(worker.begin)
    clock.run()
    return worker.status


def _install_reactor(module: str) -> None:
    """The kind that the parent runs."""
    if module:
        importlib.import_module(module).install()
    else:
        from .reactor import install_reactor

        install_reactor()


class _Worker:
    """From its orders to its end."""

    def __init__(self, orders: Orders, reactor: Any) -> None:
        from twisted.logger import Logger

        from .backends.hub.link import HubLink
        from .reactor import soon

        self.status = 0
        self._log = Logger(namespace=__name__)
        self._orders = orders
        self._reactor = reactor
        self._server: Server | None = None
        self._ending = False
        self.link = HubLink(orders.slot, os.getpid(), secrets.token_hex(8), reactor, soon(reactor))

    def begin(self) -> None:
        """The reactor runs: take up the link, then serve."""
        from twisted.internet.defer import Deferred

        from .backends.hub.pair import adopt
        from .signals import leave_when_told
        from .watchdog import outlive

        leave_when_told(self._reactor, self.leave, self.hurry)
        self.link.on_drain = self.leave
        self.link.on_hurry = self.hurry
        self.link.on_lost = self._alone
        outlive(self._orders.hub, self._orders.loaded.config.shutdown_grace_period)
        adopt(self._reactor, socket.socket(fileno=LINK), self.link)
        Deferred.fromCoroutine(self._serve()).addErrback(self._failed)  # type: ignore[unused-awaitable]

    def leave(self) -> None:
        """Drain and end."""
        if not self._ending:
            self._ending = True
            if self._server is not None:
                self._server.leave(last=self.link.last)
            self.link.leaving()
            self._reactor.stop()

    def hurry(self) -> None:
        """Stop waiting for clients, and end."""
        self.leave()
        if self._server is not None:
            self._server.hurry()

    def _alone(self, reason: str) -> None:
        if not self._ending:
            self._log.error("the hub is gone, and so must we: {reason}", reason=reason)
            self.status = 1
        if self._server is not None:
            self._server.cut_off()
        self.leave()

    async def _serve(self) -> None:
        from twisted.internet.defer import Deferred

        from .listening import PassedSockets
        from .logs import wanted
        from .process import log_settings, spare_collector
        from .service import make_service

        orders = self._orders
        await self.link.welcomed
        with contextlib.suppress(OSError):  # not ours to enter any more: names that are not relative will do
            os.chdir(orders.folder)
        server = self._server = make_service(
            orders.loaded,
            self._reactor,
            passed=PassedSockets.handed_down(orders.roles, FIRST_SOCKET),
            wanted=wanted(log_settings(orders.loaded).filter),
            link=self.link,
            kept=orders.certificate,
        )
        spare_collector()
        if self._ending:
            return
        self._reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(self._stop(server)))
        server.privilegedStartService()
        server.startService()
        self.link.ready()

    async def _stop(self, server: Server) -> None:
        await server.stopService()
        await self._leave_counts()
        self.link.bye()

    async def _leave_counts(self) -> None:
        """For the metrics of the machine, in which they stay."""
        from twisted.internet.defer import TimeoutError as TooLate
        from twisted.internet.defer import maybeDeferred

        from .interfaces import BackendError

        counted = self.link.answers.get("metrics")
        if counted is None:
            return
        try:
            await self.link.call("hub", "last", None, await maybeDeferred(counted)).addTimeout(
                _LAST_WORDS, self._reactor
            )
        except (BackendError, TooLate) as error:
            self._log.debug("the hub does not take our counts: {error}", error=str(error))

    def _failed(self, failure: Any) -> None:
        self._log.debug("cannot start", log_failure=failure)
        self._log.critical("cannot start: {reason}", reason=_reason(failure.value))
        self.status = 1
        if not self._ending:
            self._ending = True
            self._reactor.stop()


def _reason(error: BaseException) -> str:
    from .backends import DriverError
    from .listening import ListenError
    from .transports.tls_context import CertificateError

    if isinstance(error, CertificateError):
        return error.sentence
    return str(error) if isinstance(error, DriverError | ListenError) else f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
