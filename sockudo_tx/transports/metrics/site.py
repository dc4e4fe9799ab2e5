"""The metrics port: plain HTTP, `GET /metrics` and nothing else (http-api.md 11.1, configuration.md 2.12).

twisted.web as it is, within bounds: few connections, no bodies, no pages for a client that does not read them, and no
more time for one that drips bytes than for a silent one. The main port's own HTTP is not used here, for all it knows of
apps, signatures and browsers.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR, NOT_ALLOWED, NOT_FOUND
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from ..pausing import PausingChannel
from .exposition import CONTENT_TYPE
from .pages import Pages

__all__ = ["MetricsSite"]

CONNECTIONS = 32
"""Open at once; scrapers are few. With one more, the one that has not asked for the longest time goes: who says nothing
must not lock the scraper out."""
PATIENCE = 120
"""Seconds a connection may be without a whole request; scrapes come every minute or more often."""
_DROPPED = 64 * 1024
"""Bytes of bodies that are not read before the client is cut off."""


class _Channel(PausingChannel):
    site: Any

    def connectionMade(self) -> None:
        super().connectionMade()
        self.site.enter(self)

    def allHeadersReceived(self) -> None:
        self.site.channels.pop(self, None)  # from now on the latest
        self.site.channels[self] = None
        super().allHeadersReceived()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # as Twisted calls it
        self.site.channels.pop(self, None)
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        LineReceiver.dataReceived(self, data)  # HTTPChannel's own grants time for every byte

    def timeoutConnection(self) -> None:
        """An idle connection is nothing to write home about."""
        self.forceAbortClient()


class _Request(Request):
    """One that has no body, whatever the client sends."""

    _refused = 0

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        self._refused += len(data)
        if self._refused > _DROPPED:
            transport: Any = self.channel.transport
            transport.abortConnection()

    def render(self, resrc: Resource) -> None:
        self.responseHeaders.removeHeader(b"server")
        super().render(resrc)


class _Page(Resource):
    _log = Logger()
    isLeaf = True

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages

    def render(self, request: Request) -> bytes | int:
        if request.path != b"/metrics":
            return _refusal(request, NOT_FOUND, b"There is only /metrics here\n")
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"allow", b"GET, HEAD")
            return _refusal(request, NOT_ALLOWED, b"/metrics takes GET and HEAD\n")
        gone: Deferred[None] = request.notifyFinish().addErrback(lambda _: None)
        page = self._pages.page()
        page.addCallbacks(self._answer, self._failed, (request, gone), errbackArgs=(request, gone))  # type: ignore[unused-awaitable]  # the chain ends here
        return NOT_DONE_YET

    def _answer(self, text: bytes, request: Request, gone: Deferred[None]) -> None:
        if not gone.called:
            request.setHeader(b"content-type", CONTENT_TYPE)
            request.setHeader(b"content-length", b"%d" % len(text))
            request.write(text)
            request.finish()

    def _failed(self, failure: Failure, request: Request, gone: Deferred[None]) -> None:
        self._log.failure("metrics could not be read", failure)
        if not gone.called:
            request.setResponseCode(INTERNAL_SERVER_ERROR)
            request.setHeader(b"content-length", b"0")
            request.finish()


def _refusal(request: Request, status: int, text: bytes) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return text


class MetricsSite(Site):
    """Answers with these pages."""

    protocol = _Channel  # type: ignore[assignment]  # Twisted's own is a proxy that may switch to HTTP/2
    noisy = False

    def __init__(self, pages: Pages, clock: IReactorTime) -> None:
        super().__init__(_Page(pages), requestFactory=_Request, reactor=clock, timeout=PATIENCE)
        self.channels: dict[_Channel, None] = {}
        """Those that are open, the one that asked last at the end."""

    def enter(self, channel: _Channel) -> None:
        """It is open, and another may have to go for it."""
        self.channels[channel] = None
        if len(self.channels) > CONNECTIONS:
            longest = next(iter(self.channels))
            del self.channels[longest]
            longest.forceAbortClient()

    def startFactory(self) -> None:
        """No access log, hence no log file and no clock for its lines."""

    def stopFactory(self) -> None:
        """Nothing was started; who is connected may go on asking until the process ends."""

    def log(self, request: Request) -> None:  # type: ignore[override]  # a Site has requests of the server's kind
        """A scrape is nothing to write home about."""

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]
