"""Connections to webhook endpoints: where they may go, and how much may come back.

Agent's own endpoints would use the global reactor's clock for TLS; theirs is the one given. Source: http-api.md 12.5.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, HostnameCachingHTTPSPolicy
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from .trust import Trust
from .way import Lookup, Way

__all__ = ["AnswerTooLongError", "Connections"]

_ANSWER_AT_MOST = 64 * 1024
"""Bytes of an answer, head and body; the connection of a longer one is dropped (http-api.md 12.5)."""
_ATTEMPT_DELAY = 0.1
"""Seconds until the next of a name's addresses is tried beside the one before (RFC 8305 5: 100 ms at least)."""
_TLS_HOSTS = 100
"""Hosts whose TLS settings are kept: making them reads all authorities, which takes milliseconds."""


class AnswerTooLongError(Exception):
    """More than anybody has to say to a webhook."""


@implementer(IAgentEndpointFactory)
class Connections:
    """Makes the connections of one agent, and knows those that are open."""

    def __init__(self, reactor: Any, internal: bool) -> None:
        self.internal = internal
        """As for `refusal`."""
        self._reactor = reactor
        self._lookup = Lookup(reactor)
        self._tls = HostnameCachingHTTPSPolicy(Trust(), _TLS_HOSTS)
        self._open: set[_Connection] = set()
        self._emptied: Deferred[None] | None = None

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Where Agent is to connect to."""
        way = Way(self._reactor, self._lookup, uri.host.decode("ascii"), self.internal)
        endpoint: IStreamClientEndpoint = HostnameEndpoint(way, "endpoint", uri.port, attemptDelay=_ATTEMPT_DELAY)
        if uri.scheme == b"https":
            creator = self._tls.creatorForNetloc(uri.host, uri.port)
            endpoint = wrapClientTLS(creator, endpoint, clock=self._reactor)
        return _Endpoint(endpoint, self)

    def opened(self, connection: _Connection) -> None:
        """A connection is there."""
        self._open.add(connection)

    def lost(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if self._emptied is not None and not self._open:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def abort(self) -> Deferred[None]:
        """Drop every connection; fires when the last one is gone. None is made from now on."""
        self._lookup.stop()
        done: Deferred[None] = Deferred()
        if not self._open:
            done.callback(None)
            return done
        self._emptied = done
        for connection in tuple(self._open):
            connection.loseConnection()
        return done


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """An endpoint whose connections are bounded."""

    def __init__(self, endpoint: IStreamClientEndpoint, connections: Connections) -> None:
        self._endpoint = endpoint
        self._connections = connections

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """The connected protocol of the factory given."""
        connected: Deferred[Any] = self._endpoint.connect(_Bounding(factory, self._connections))
        return connected.addCallback(lambda connection: connection.inner)


class _Bounding(WrappingFactory["_Connection"]):
    """Puts a bound around each connection of a factory."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, connections: Connections) -> None:
        super().__init__(factory)
        factory.noisy = False  # type: ignore[attr-defined]  # two lines in the log for each connection otherwise
        self.connections = connections

    def buildProtocol(self, addr: Any) -> _Connection:
        inner = self.wrappedFactory.buildProtocol(addr)
        return _Connection(self, inner)


class _Connection(ProtocolWrapper):
    """One connection: an answer is bounded, and its end does not wait for a peer that reads nothing."""

    def __init__(self, factory: _Bounding, inner: IProtocol) -> None:
        super().__init__(factory, inner)
        self.inner = inner
        self._connections = factory.connections
        self._received = 0
        self._too_long = False

    def makeConnection(self, transport: Any) -> None:
        self._connections.opened(self)
        super().makeConnection(transport)

    def write(self, data: bytes) -> None:
        self._received = 0
        super().write(data)

    def writeSequence(self, data: Any) -> None:
        self._received = 0
        super().writeSequence(data)

    def loseConnection(self) -> None:
        """At once: whoever ends a connection here wants nothing more of it."""
        self.disconnecting = 1
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # TCP's and TLS's have it

    def dataReceived(self, data: bytes) -> None:
        if self._too_long:
            return
        self._received += len(data)
        if self._received > _ANSWER_AT_MOST:
            self._too_long = True
            self.loseConnection()
            return
        super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._connections.lost(self)
        super().connectionLost(Failure(AnswerTooLongError()) if self._too_long else reason)
