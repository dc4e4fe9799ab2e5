"""One port, two grammars: WebSocket upgrades for `/app/` go to Autobahn, everything else to twisted.web.

    Arrival    reads as much as it takes to tell them apart, then is out of the way
    take_over  the same switch later in a connection's life: an upgrade after REST requests, as proxies with
               keep-alive send it

Whatever is not a valid upgrade is left to HTTP, which knows how to refuse it.
See ARCHITECTURE.md, “One port, two grammars”.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from ..protocol.errors import RestError
from .addresses import client_address
from .crowd import TooMany
from .handshake import Head, Headers, Upgrade, accepted, mount, parse_head, upgrade_fault
from .rest.call import HttpRequest
from .rest.reply import error_reply, response
from .rest.site import RestSite
from .settings import WebSocketSettings
from .websocket import WebSocketFactory

if TYPE_CHECKING:
    from ..engine.server import Engine

__all__ = ["Arrival", "PortFactory", "WebSocketSettings", "switch"]

_END_OF_HEAD = b"\r\n\r\n"
_REFUSAL = response(
    error_reply(RestError(429, "rate_limited", "This address has too many connections already")),
    b"",
    head_only=False,
    close=True,
)
_BODY_FIELDS = {b"content-length", b"transfer-encoding"}


def switch(transport: Any, protocol: Any) -> None:
    """From now on `transport` delivers to `protocol`, in the middle of a read too.

    Transports that deliver elsewhere (Twisted's simulated ones) go on calling `Arrival`, which passes it on.
    """
    transport.protocol = protocol


class Arrival(Protocol):
    """A connection that has not said what it is."""

    transport: Any

    def __init__(self, port: PortFactory, address: IAddress | None, whose: str | None) -> None:
        self._port = port
        self._address = address
        self._whose = whose
        self._heard = b""
        self._ticket = 0
        """Our place among those whose head is not complete; once it is, or will be read by HTTP, 0."""

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._ticket = self._port.pending.arrive(self)

    def dataReceived(self, data: bytes) -> None:
        if not self._ticket:
            self._successor().dataReceived(data)
            return
        begins = not self._heard
        heard = self._heard = self._heard + data
        opening = self._port.opening
        if heard.startswith(opening):
            limit = self._port.site.max_header_bytes
            end = heard.find(_END_OF_HEAD, 0, limit)
            if end >= 0:
                self._decide(heard[:end], heard[end + len(_END_OF_HEAD) :])
                return
            undecided = len(heard) < limit and b"\n\n" not in data  # what HTTP must refuse need not wait
        else:
            undecided = opening.startswith(heard)
        if not undecided:
            self._become_http()
        elif begins:
            self._port.pending.begin(self, self._ticket)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._ticket:
            self._successor().connectionLost(reason)
        else:
            self._settle()
            if self._whose is not None:
                self._port.site.api.crowd.leave(self._whose)

    def _decide(self, text: bytes, rest: bytes) -> None:
        head = parse_head(text)
        # A request with a body is for HTTP to read before anything else happens on the connection.
        # So is one with two hosts.
        if head is not None and _is_plain(head.headers) and self._port.accepts(head):
            port = self._port
            upgrade = accepted(head.path, head.query, head.headers, port.settings.path_prefix)
            port.upgrade(self._settle(), upgrade, rest, address=self._address, headers=head.headers, whose=self._whose)
        else:
            self._become_http()

    def _become_http(self) -> None:
        heard = self._heard
        channel = self._port.site.buildProtocol(self._address)
        channel.whose = self._whose
        channel.ticket, self._ticket = self._port.pending.pass_on(self._ticket, channel), 0
        transport = self._settle()
        switch(transport, channel)
        channel.makeConnection(transport)
        if heard:
            channel.dataReceived(heard)

    def head_is_late(self) -> None:
        """Too slow. Who has said something is told."""
        if self._heard:
            self._heard = b""
            self._become_http()
            self._successor().head_is_late()
        else:
            self.transport.loseConnection()

    def give_way(self) -> None:
        """Too many have not sent a whole head."""
        self.transport.abortConnection()

    def _settle(self) -> Any:
        """Stop waiting; the transport."""
        if self._ticket:
            self._port.pending.leave(self._ticket)
            self._ticket = 0
        self._heard = b""
        return self.transport

    def _successor(self) -> Any:
        return self.transport.protocol


def _is_plain(headers: Headers) -> bool:
    return len(headers.get(b"host", ())) < 2 and not headers.keys() & _BODY_FIELDS


class Refused(Protocol):
    """A connection more than its address may have. It costs an answer and is gone."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(_REFUSAL)
        transport.loseConnection()


class PortFactory(Factory):
    """Builds an `Arrival` for each connection of the port, and knows where it goes from there.

    Both grammars share the turn of `site`.
    """

    noisy = False

    def __init__(self, engine: Engine, site: RestSite, settings: WebSocketSettings, clock: IReactorTime) -> None:
        self.site = site
        self.settings = settings
        self.clock = clock
        self.websockets = WebSocketFactory(engine, settings, clock, site.api.turn)
        self.websockets.crowd = site.api.crowd
        self.pending = site.api.pending
        self.opening = b"GET " + mount(settings.path_prefix) + b"/app/"
        self._engine = engine
        site.upgrades.take_over = self.take_over

    def startFactory(self) -> None:
        self.site.startFactory()

    def stopFactory(self) -> None:
        self.site.stopFactory()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        try:
            whose = self.site.api.crowd.enter(addr)
        except TooMany:
            return Refused()
        return Arrival(self, addr, whose)

    def adjust(self, settings: WebSocketSettings) -> None:
        """These settings from now on; the path prefix stays as it was at the start."""
        self.settings = settings
        self.websockets.adjust(settings)

    def accepts(self, head: Head) -> bool:
        """Whether this request becomes a WebSocket now. HTTP knows how to ask a rate limit, and to wait for it."""
        if self.site.api.limits.upgrades is not None:
            return False
        return upgrade_fault(*head, self.settings.path_prefix, draining=not self._engine.admitting) is None

    def upgrade(
        self,
        transport: Any,
        upgrade: Upgrade,
        rest: bytes,
        *,
        address: IAddress | None,
        headers: Headers,
        whose: str | None,
    ) -> None:
        """Go on as a WebSocket; `rest` are the bytes that came after the head. `whose` is charged for it."""
        connection = self.websockets.protocol(self.websockets)
        if whose is not None:
            connection.whose = whose
        switch(transport, connection)
        connection.open(transport, upgrade, rest, client_address(address, headers, self.site.hops))

    def take_over(self, request: HttpRequest, headers: Headers) -> bool:
        """Make the connection of an HTTP request without `upgrade_fault` a WebSocket; whether it still could.

        The request is finished with when this is true: it must not be answered.
        """
        if request.channel is None:
            return False
        channel, request.channel = request.channel, None
        transport, rest = channel.vacate()
        upgrade = accepted(request.path, request.query, headers, self.settings.path_prefix)
        upgrade = upgrade._replace(lines=request.limit_lines)
        self.upgrade(transport, upgrade, rest, address=channel.address, headers=headers, whose=channel.whose)
        return True
