"""Webhooks over HTTP: one POST, and what came of it.

twisted.web's Agent without treq around it: that would keep cookies, unpack compressed answers, which may grow a
thousandfold, and send bodies by the global reactor. Nothing here follows redirects, uses proxies or asks twice.
Source: http-api.md 12.5.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from ...interfaces import IWebhookSender, Outcome, WebhookJob
from ...protocol.app import App, Webhook
from .connections import Connections
from .reasons import reason_of
from .request import Post, UnsendableError, post

__all__ = ["HttpSender"]

_IDLE = 4
"""Seconds an unused connection is kept: shorter than Node's 5, so that an endpoint seldom closes one in our hands."""
_IDLE_CONNECTIONS = 4
"""Kept for each host and port: as many as attempts of one webhook (decisions.md 48)."""
_HOSTS = 1000
"""Hosts and ports among which connections are kept. The pool forgets none by itself, whose last connection is gone."""


@implementer(IWebhookSender)
class HttpSender:
    """Posts webhooks. `timeout` is for the whole attempt, connecting included.

    Addresses inside networks and this machine are called only with `allow_internal`, metadata services never; apps that
    are trusted differently need a sender each, as connections are shared.
    """

    _log = Logger()

    def __init__(self, reactor: Any, timeout: float, allow_internal: bool = True) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._hosts: set[bytes] = set()
        """Those that the pool may know."""
        self._connections = Connections(reactor, allow_internal)
        self._pool = HTTPConnectionPool(reactor)
        self._pool.cachedConnectionTimeout = _IDLE
        self._pool.maxPersistentPerHost = _IDLE_CONNECTIONS
        self._pool.retryAutomatically = False
        self._agent = Agent.usingEndpointFactory(reactor, self._connections, self._pool)
        self._running: dict[Deferred[Outcome], str] = {}
        """Attempts in flight, with why they were cut off, empty while they were not."""
        self._closed = False

    def adjust(self, timeout: float, allow_internal: bool) -> None:
        """These from the next attempt on."""
        self._timeout = timeout
        if allow_internal is not self._connections.internal:
            self._connections.internal = allow_internal
            self._forget_hosts()

    def send(self, job: WebhookJob, app: App, webhook: Webhook) -> Deferred[Outcome]:
        """See `IWebhookSender`."""
        if self._closed:
            return succeed(Outcome(False, None, "the server is stopping"))
        try:
            request = post(job, app, webhook)
        except UnsendableError as unsendable:
            return succeed(Outcome(False, None, str(unsendable)))
        self._meet(request)
        attempt = Deferred.fromCoroutine(self._exchange(request))
        self._running[attempt] = ""
        alarm = self._reactor.callLater(self._timeout, self._cut, attempt, f"no answer within {self._timeout:g} s")

        def ended(result: Outcome | Failure) -> Outcome:
            why = self._running.pop(attempt)
            if alarm.active():
                alarm.cancel()
            return self._failed(result, why) if isinstance(result, Failure) else result

        return attempt.addBoth(ended)

    def close(self) -> Deferred[None]:
        """Cut every attempt off, drop every connection; fires when nothing is left. `send` refuses from now on."""
        self._closed = True
        for attempt in tuple(self._running):
            self._cut(attempt, "the server is stopping")
        self._pool.closeCachedConnections()
        return self._connections.abort()

    def _meet(self, request: Post) -> None:
        if len(self._hosts) >= _HOSTS and request.host not in self._hosts:
            self._forget_hosts()
        self._hosts.add(request.host)

    def _forget_hosts(self) -> None:
        self._hosts.clear()
        self._pool.closeCachedConnections()

    def _cut(self, attempt: Deferred[Outcome], why: str) -> None:
        self._running[attempt] = why
        attempt.cancel()

    def _failed(self, failure: Failure, why: str) -> Outcome:
        error = failure.value
        reason = why or (reason_of(error) if error else None)
        if not reason:
            self._log.failure("Bug: a webhook could not be sent", failure=failure)
        return Outcome(False, None, reason or "an error of this server, see its log")

    async def _exchange(self, request: Post) -> Outcome:
        response = await self._agent.request(b"POST", request.uri, request.headers, _Body(request.body))
        try:
            await _ignored(response)
        except CancelledError:
            pass  # the status has come: whether the endpoint ever ends its answer is its own affair
        status = response.code
        if 200 <= status < 300:
            return Outcome(True, status, "")
        redirect = ", and redirects are not followed" if 300 <= status < 400 else ""
        return Outcome(False, status, f"the answer was {status}{redirect}")


@implementer(IBodyProducer)
class _Body:
    """Bytes as a request's body, in one piece."""

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self._content = content

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._content)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass  # all is written already

    resumeProducing = stopProducing = pauseProducing


class _Ignored(Protocol):
    """Reads an answer's body to nowhere, so that its connection can be used again."""

    def __init__(self, ended: Deferred[None]) -> None:
        self._ended = ended

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._ended.called:
            self._ended.callback(None)


def _ignored(response: IResponse) -> Deferred[None]:
    """Fires when the body is over or broken off; cancelling it drops the connection."""

    def cut(_: Deferred[None]) -> None:
        transport = reader.transport
        if transport is not None:
            transport.loseConnection()

    ended: Deferred[None] = Deferred(cut)
    reader = _Ignored(ended)
    response.deliverBody(reader)
    return ended
