"""One HTTP connection: Twisted's parser, with limits that hold while reading and refusals that arrive.

A refusal before the whole request was read is answered at once. Then our half of the connection is closed
and what still comes in is dropped, for a few seconds: closing a socket with unread bytes resets it, and the
client would never see the answer.

A client that drips bytes gets no more time than a silent one: the head has the idle timeout to arrive in, and
so has every `PIECE` of the body.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ISSLTransport, ITCPTransport
from twisted.protocols.basic import LineReceiver
from twisted.web.http import HTTPChannel

from ...protocol.errors import RestError
from .api import RestApi
from .reply import Reply, error_reply
from .request import Request

__all__ = ["RestChannel"]

LINGER = 5
"""Seconds a refused client may go on sending."""
PIECE = 64 * 1024
"""Bytes that buy a client another idle timeout; more than any head has."""
MAX_HEADER_NAME = 256
"""Longer names are refused: Twisted keeps a cache of the names it has seen."""


def _dropped(data: bytes) -> None:
    """Takes what a refused client still sends."""


class RestChannel(HTTPChannel):
    """Hands finished requests to `Request`, one at a time and in order."""

    api: RestApi
    requests: list[Request]
    _credit = 0
    """Bytes that may still come before the idle timeout starts anew."""

    def dataReceived(self, data: bytes) -> None:
        if self._credit <= 0:
            self._credit = PIECE
            self.resetTimeout()
        self._credit -= len(data)
        LineReceiver.dataReceived(self, data)  # HTTPChannel's own grants time for every byte

    def headerReceived(self, line: bytes) -> bool:
        if len(line) > MAX_HEADER_NAME:
            name = line[: MAX_HEADER_NAME + 1].partition(b":")
            if not name[1] or name[0].lower() == b"content-length":  # thousands of digits are no number either
                self._respondToBadRequestAndDisconnect()
                return False
        return bool(super().headerReceived(line))

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        """Any encoding but chunked leaves the length of the body open (RFC 9112 6.3); Twisted lets `identity` pass."""
        if header == b"Transfer-Encoding" and data.lower() != b"chunked":
            return bool(self._failChooseTransferDecoder())
        return bool(super()._maybeChooseTransferDecoder(header, data))

    def allHeadersReceived(self) -> None:
        request = self.requests[-1]
        self.persistent = self.checkPersistence(request, self._version)
        request.begin(self._command, self._path, self.length)
        if request.refused:
            return
        expect = request.header(b"Expect")
        if expect is None or expect.lower() != "100-continue" or self._version != b"HTTP/1.1" or self.length == 0:
            return
        if request.fault is None:
            self._send100Continue()
        else:
            request.refuse(request.fault)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """HTTP/1.1 keeps the connection unless asked not to; HTTP/1.0 never does."""
        if version != b"HTTP/1.1":
            return False
        values = request.requestHeaders.getRawHeaders(b"Connection")
        if values is None:
            return True
        return all(token.strip().lower() != b"close" for value in values for token in value.split(b","))

    def refuse(self, answer: bytes) -> None:
        """Send this, close our half, and read nothing more. The request under way is never handed over."""
        self.lineReceived = self.rawDataReceived = self.dataReceived = _dropped  # type: ignore[method-assign]  # for good
        self.setTimeout(None)
        transport: Any = self.transport
        transport.write(answer)
        producer: Any = self._networkProducer
        producer.unregisterProducer()
        if ITCPTransport.providedBy(transport) and not ISSLTransport.providedBy(transport):
            self._abortingCall = self.callLater(LINGER, self.forceAbortClient)
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        fault = RestError(400, "invalid_input", "This is not an HTTP/1.1 request the server understands")
        self.refuse(self.api.answers.finished(error_reply(fault), None, close=True))

    def lineLengthExceeded(self, line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()

    def timeoutConnection(self) -> None:
        """An idle connection is nothing to write home about."""
        self._abortingCall = self.callLater(LINGER, self.forceAbortClient)
        self.loseConnection()

    def forceAbortClient(self) -> None:
        self._abortingCall = None
        transport: Any = self.transport
        transport.abortConnection()

    def send(self, request: Request, reply: Reply) -> None:
        """Answer the request whose turn it is, and go on to the next."""
        if self.api.engine.draining:
            self.persistent = False
        transport: Any = self.transport
        transport.write(
            self.api.answers.finished(
                reply, request.header_bytes(b"Origin"), close=not self.persistent, head_only=request.method == "HEAD"
            )
        )
        self._credit = 0
        self.requestDone(request)
