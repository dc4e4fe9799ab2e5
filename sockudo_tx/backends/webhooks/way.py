"""The way to a webhook's host: what `HostnameEndpoint` needs of a reactor, with names and addresses looked at by us.

Names are looked up in daemon threads of our own: a silent name server must keep neither the process' other threads
busy nor its end waiting. And as they are: Twisted refuses those with an underscore, which containers often have.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeAlias

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IConnector,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from zope.interface import implementer

from .addresses import refusal

__all__ = ["AddressRefusedError", "Lookup", "Way"]

_THREADS = 64
"""Names looked up at once; more wait. A silent name server holds each for some ten seconds."""

Addresses: TypeAlias = list[IPv4Address | IPv6Address]


class AddressRefusedError(Exception):
    """The host's name leads where webhooks do not go."""


class Lookup:
    """Looks names up, each once however many ask meanwhile."""

    _log = Logger()

    def __init__(self, reactor: Any, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._reactor = reactor
        self._getaddrinfo = getaddrinfo
        self._asking: dict[tuple[str, int], list[Callable[[Addresses], None]]] = {}
        self._waiting: deque[tuple[str, int]] = deque()
        self._busy = 0
        self._stopped = False

    def ask(self, host: str, port: int, tell: Callable[[Addresses], None]) -> None:
        """Calls back with the addresses in the system's order, none for a name that is not known."""
        asking = self._asking.get((host, port))
        if asking is not None:
            asking.append(tell)
            return
        self._asking[host, port] = [tell]
        self._waiting.append((host, port))
        self._begin()

    def stop(self) -> None:
        """Nobody is called back from now on; threads that still wait are left to their fate."""
        self._stopped = True
        self._asking.clear()
        self._waiting.clear()

    def _begin(self) -> None:
        while self._waiting and self._busy < _THREADS:
            self._busy += 1
            name = self._waiting.popleft()
            try:
                Thread(target=self._look_up, args=name, name="webhook-name", daemon=True).start()
            except RuntimeError as error:  # the system allows no more; whoever asks next has better luck
                self._log.warn("the webhook host {host} cannot be looked up: {error}", host=name[0], error=error)
                self._reactor.callLater(0, self._tell, *name, [])

    def _look_up(self, host: str, port: int) -> None:
        try:
            found = self._getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except (OSError, ValueError, OverflowError):  # ValueError: a name that is none
            found = []
        if not self._stopped:
            self._reactor.callFromThread(self._tell, host, port, found)

    def _tell(self, host: str, port: int, found: list[Any]) -> None:
        kinds: dict[int, Any] = {socket.AF_INET: IPv4Address, socket.AF_INET6: IPv6Address}
        addresses = [kinds[family]("TCP", *place) for family, _, _, _, place in found if family in kinds]
        self._busy -= 1
        for tell in self._asking.pop((host, port), ()):
            tell(addresses)
        self._begin()


@implementer(IHostResolution)
class _Resolution:
    """That a name is being looked up."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """`HostnameEndpoint` does not; an answer that nobody waits for is forgotten."""


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class Way:
    """The way to one host. `internal`: as for `refusal`."""

    def __init__(self, reactor: Any, lookup: Lookup, host: str, internal: bool) -> None:
        self._connect = reactor.connectTCP
        self._lookup = lookup
        self._host = host
        self._internal = internal
        self.seconds = reactor.seconds
        self.callLater = reactor.callLater
        self.nameResolver = self

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Not here: a way has one host only."""
        raise NotImplementedError

    def resolveHostName(
        self, resolutionReceiver: IResolutionReceiver, hostName: str, portNumber: int = 0, *rest: Any, **more: Any
    ) -> IHostResolution:
        """Looks our host up, whatever the name asked for: that one only has to please `HostnameEndpoint`."""
        resolution = _Resolution(self._host)
        resolutionReceiver.resolutionBegan(resolution)

        def tell(addresses: Addresses) -> None:
            for address in addresses:
                resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()

        self._lookup.ask(self._host, portNumber, tell)
        return resolution

    def connectTCP(self, host: str, port: int, factory: ClientFactory, *rest: Any, **more: Any) -> IConnector:
        """Connect if webhooks may go to this address, else raise."""
        if why := refusal(host, self._internal):
            raise AddressRefusedError(f"{host} is {why}")
        connector: IConnector = self._connect(host, port, factory, *rest, **more)
        return connector
