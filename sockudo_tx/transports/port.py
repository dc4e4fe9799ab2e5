"""One port, two grammars: WebSocket upgrades for `/app/` go to Autobahn, everything else to twisted.web.

    Arrival    reads as much as it takes to tell them apart, then is out of the way
    take_over  the same switch later in a connection's life: an upgrade after REST requests, as proxies with
               keep-alive send it

Whatever is not a valid upgrade is left to HTTP, which knows how to refuse it.
See ARCHITECTURE.md, “One port, two grammars”.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from .handshake import HEAD_LIMIT, Head, Headers, accepted, mount, parse_head, upgrade_fault
from .rest.call import HttpRequest
from .rest.site import RestSite
from .settings import WebSocketSettings
from .websocket import WebSocketFactory

if TYPE_CHECKING:
    from ..engine.server import Engine

__all__ = ["Arrival", "PortFactory", "WebSocketSettings", "switch"]

_END_OF_HEAD = b"\r\n\r\n"
_BODY_FIELDS = {b"content-length", b"transfer-encoding"}


def switch(transport: Any, protocol: Any) -> None:
    """From now on `transport` delivers to `protocol`, in the middle of a read too.

    Transports that deliver elsewhere (Twisted's simulated ones) go on calling `Arrival`, which passes it on.
    """
    transport.protocol = protocol


class Arrival(Protocol):
    """A connection that has not said what it is."""

    transport: Any

    def __init__(self, port: PortFactory, address: IAddress | None) -> None:
        self._port = port
        self._address = address
        self._heard = b""
        self._late: IDelayedCall | None = None

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._late = self._port.clock.callLater(self._port.settings.handshake_timeout, self._out_of_time)

    def dataReceived(self, data: bytes) -> None:
        if self._late is None:
            self._successor().dataReceived(data)
            return
        heard = self._heard = self._heard + data
        opening = self._port.opening
        if not heard.startswith(opening):
            if not opening.startswith(heard):
                self._become_http()
            return
        end = heard.find(_END_OF_HEAD, 0, HEAD_LIMIT)
        if end >= 0:
            self._decide(heard[:end], heard[end + len(_END_OF_HEAD) :])
        elif len(heard) >= HEAD_LIMIT:
            self._become_http()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._late is None:
            self._successor().connectionLost(reason)
        else:
            self._settle()

    def _decide(self, text: bytes, rest: bytes) -> None:
        head = parse_head(text)
        # A request with a body is for HTTP to read before anything else happens on the connection.
        if head is not None and not head.headers.keys() & _BODY_FIELDS and self._port.accepts(head):
            self._port.upgrade(self._settle(), head.path, head.query, head.headers, rest)
        else:
            self._become_http()

    def _become_http(self) -> None:
        heard = self._heard
        transport = self._settle()
        channel = self._port.site.buildProtocol(self._address)
        if channel is None:
            transport.abortConnection()
            return
        switch(transport, channel)
        channel.makeConnection(transport)
        if heard:
            channel.dataReceived(heard)

    def _out_of_time(self) -> None:
        if self._heard:
            self.transport.abortConnection()
        else:
            self._become_http()  # a client that connects ahead of need; HTTP has its own idle timeout

    def _settle(self) -> Any:
        """Stop waiting; the transport."""
        late, self._late = self._late, None
        if late is not None and late.active():
            late.cancel()
        self._heard = b""
        return self.transport

    def _successor(self) -> Any:
        return self.transport.protocol


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
        self.opening = b"GET " + mount(settings.path_prefix) + b"/app/"
        self._engine = engine
        site.upgrades.take_over = self.take_over

    def startFactory(self) -> None:
        self.site.startFactory()

    def stopFactory(self) -> None:
        self.site.stopFactory()

    def buildProtocol(self, addr: IAddress | None) -> Arrival:
        return Arrival(self, addr)

    def adjust(self, settings: WebSocketSettings) -> None:
        """These settings from now on; the path prefix stays as it was at the start."""
        self.settings = settings
        self.websockets.adjust(settings)

    def accepts(self, head: Head) -> bool:
        """Whether this request becomes a WebSocket."""
        return upgrade_fault(*head, self.settings.path_prefix, draining=not self._engine.admitting) is None

    def upgrade(self, transport: Any, path: bytes, query: bytes, headers: Headers, rest: bytes) -> None:
        """Go on as a WebSocket; `rest` are the bytes that came after the head."""
        connection = self.websockets.protocol(self.websockets)
        switch(transport, connection)
        connection.open(transport, accepted(path, query, headers, self.settings.path_prefix), rest)

    def take_over(self, request: HttpRequest, headers: Headers) -> bool:
        """Make the connection of an HTTP request without `upgrade_fault` a WebSocket; whether it still could.

        The request is finished with when this is true: it must not be answered.
        """
        if request.channel is None:
            return False
        transport, rest = request.channel.vacate()
        request.channel = None
        self.upgrade(transport, request.path, request.query, headers, rest)
        return True
