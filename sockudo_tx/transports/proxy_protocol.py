"""Connections that a proxy passes on, with the client's address in front (the PROXY protocol).

It stands under TLS. Once the header is read the connection belongs to what speaks on it, and nothing of this stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..engine.repeats import Repeats
from .addresses import UNIX, peer_address
from .pending import Pending
from .proxy_header import ProxyHeader, ProxyHeaderError, read_proxy_header

__all__ = ["ProxyProtocolFactory"]


class _Announcement(Protocol):
    """A connection whose PROXY header has not come."""

    transport: Any

    def __init__(self, factory: ProxyProtocolFactory, proxy: IAddress | None) -> None:
        self._factory = factory
        self._proxy = proxy
        self._heard = bytearray()
        self._ticket = 0
        self._passed_on = False

    def connectionMade(self) -> None:
        self._ticket = self._factory.pending.begin(self)

    def dataReceived(self, data: bytes) -> None:
        if self._passed_on:  # by a transport that goes on calling us, such as Twisted's simulated ones
            self.transport.protocol.dataReceived(data)
            return
        self._heard += data
        try:
            header = read_proxy_header(self._heard)
        except ProxyHeaderError as error:
            self._factory.malformed(self._proxy, error)
            self._leave()
            self.transport.abortConnection()
        else:
            if header is not None:
                self._pass_on(header)

    def _pass_on(self, header: ProxyHeader) -> None:
        rest = bytes(self._heard[header.size :])
        self._leave()
        protocol: Any = self._factory.factory.buildProtocol(_client(header, self._proxy))
        if protocol is None:
            self.transport.abortConnection()
            return
        self._passed_on = True
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        if rest:
            protocol.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._passed_on:
            self.transport.protocol.connectionLost(reason)
        else:
            self._leave()

    def _leave(self) -> None:
        self._factory.pending.leave(self._ticket)
        self._heard.clear()

    # Called by `Pending`.

    def head_is_late(self) -> None:
        """The header has not come in time."""
        self.transport.abortConnection()

    def give_way(self) -> None:
        """There are too many."""
        self.transport.abortConnection()


def _client(header: ProxyHeader, proxy: IAddress | None) -> IAddress | None:
    if header.source is None:
        return proxy
    host, port = header.source
    if host is None:
        return UNIXAddress(None)
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


class ProxyProtocolFactory(Factory):
    """Gives the protocols of another factory the client's address. `believed` are addresses and networks of proxies.

    Without any, everybody who connects is believed. Who comes over a Unix socket always is: its file's mode says who
    that can be.
    """

    noisy = False
    _log = Logger()

    def __init__(self, factory: Factory, pending: Pending, clock: IReactorTime, believed: Iterable[str] = ()) -> None:
        self.factory = factory
        self.pending = pending
        self.refused = 0
        """Connections that came from elsewhere than a proxy."""
        self.broken = 0
        """Connections that did not begin with a PROXY header."""
        self._believed: list[IPv4Network | IPv6Network] = [ip_network(text, strict=False) for text in believed]
        self._repeats = Repeats(clock)

    def startFactory(self) -> None:
        self.factory.doStart()

    def stopFactory(self) -> None:
        self.factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> _Announcement | None:
        proxy = peer_address(addr)
        if proxy == UNIX or self._believes(proxy):
            return _Announcement(self, addr)
        self.refused += 1
        if self._repeats.due("refused"):
            self._log.warn(
                "{address} is no proxy we believe (`listener.proxy_protocol_from`): disconnected, {refused} so far",
                address=proxy,
                refused=self.refused,
            )
        return None

    def _believes(self, proxy: str) -> bool:
        address = ip_address(proxy)
        return not self._believed or any(address in network for network in self._believed)

    def malformed(self, proxy: IAddress | None, error: ProxyHeaderError) -> None:
        """Somebody sent something else."""
        self.broken += 1
        if self._repeats.due("broken"):
            self._log.warn(
                "{address} disconnected: {error} (`listener.proxy_protocol`), {broken} so far",
                address=peer_address(proxy),
                error=str(error),
                broken=self.broken,
            )
