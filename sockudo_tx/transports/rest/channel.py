"""One HTTP connection: Twisted's parser, with limits that hold while reading. How its answers leave: `answering.py`.

The head of an ordinary request is read in one go (`plain.py`), all others by Twisted, line by line.

A client that drips bytes gets no more time than a silent one. A head that does not come in one piece waits in the
queue of `pending.py`. Every `PIECE` of a body has the idle timeout to arrive in. Nobody cancels a timer for that: the
one there is looks, when its time has come, how long the client has been silent.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from ...protocol.errors import RestError
from .answering import LINGER, AnsweringChannel
from .plain import read_plain
from .reply import Reply, error_reply
from .request import Request

__all__ = ["RestChannel"]

PIECE = 64 * 1024
"""Bytes that buy a client another idle timeout; more than any head has."""
MAX_HEADER_NAME = 256
"""Longer names are refused: Twisted keeps a cache of the names it has seen."""
UNFINISHED = 256 * 1024 * 1024
"""Bytes of bodies that are not complete, of all connections together. Strangers can send them: the signature is looked
at when all is there."""
FRAMING = 16
"""Bytes that a chunked body may spend on sizes, extensions and trailers for each byte of content, above a `PIECE`."""


_MALFORMED = RestError(400, "invalid_input", "This is not an HTTP/1.1 request the server understands")
_TWO_HOSTS = RestError(400, "invalid_input", "The request has more than one Host header")
_TOO_SLOW = RestError(408, "invalid_input", "The request took too long to arrive")
_BUSY = RestError(503, "service_unavailable", "Too many requests are being sent at this moment", {"Retry-After": "1"})
_TOO_LONG = RestError(414, "limit_exceeded", "The request line is longer than the server reads")
_TOO_LARGE = RestError(431, "limit_exceeded", "The header fields are larger, or more, than the server reads")


def _dropped(data: bytes) -> None:
    """Takes what a refused client still sends."""


class RestChannel(AnsweringChannel):
    """Hands finished requests to `Request`, one at a time and in order."""

    requests: list[Request]
    _credit = 0
    """Bytes that may still come before the idle timeout starts anew."""
    _since = 0.0
    """When the idle timeout began to run."""
    _watch: IDelayedCall | None = None
    address: IAddress | None = None
    """The client's, or its proxy's."""
    ticket = 0
    """Our place among those whose head is not complete."""
    whose: str | None = None
    """Who is charged with this connection, when there is a limit to theirs."""
    _refused = False
    """What still comes is dropped."""
    _held = 0
    """Bytes of an unfinished body that `RestApi.unfinished` has counted."""
    _chunked = 0
    """Bytes of the chunked body that is read, framing included."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.api.connections.add(self)

    def dataReceived(self, data: bytes) -> None:
        if self._credit <= 0:
            self._credit = PIECE
            self.resetTimeout()
        self._credit -= len(data)
        LineReceiver.dataReceived(self, data)  # HTTPChannel's own grants time for every byte
        if not self._busyReceiving and (self.requests or self._buffer):
            if self.line_mode:
                self._await_head()
            elif not self._handlingRequest:
                self._hold()

    def lineReceived(self, line: bytes) -> None:
        if self.requests or not self._take_plain(line):
            if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
                self.lineLengthExceeded(line)
            else:
                super().lineReceived(line)

    def _await_head(self) -> None:
        """The rest of a head is still to come."""
        if self._refused or self.paused:  # because the client does not read: it is not late
            return
        if b"\n" in self._buffer:  # nobody will end this line as HTTP does
            self._respondToBadRequestAndDisconnect()
        elif not self.ticket:
            self.ticket = self.api.pending.begin(self)

    def _hold(self) -> None:
        """A part of a body has come. Bodies that are not complete have so much memory in all."""
        api, before = self.api, self._held
        self._held = self.requests[-1].waiting
        api.unfinished += self._held - before
        if api.unfinished - self._held > UNFINISHED and not self._refused:
            self._refuse(_BUSY)

    def _let_go(self) -> None:
        self.api.unfinished -= self._held
        self._held = 0

    def head_is_late(self) -> None:
        """The head took too long."""
        self.ticket = 0
        self.api.pending.late += 1
        self._refuse(_TOO_SLOW)

    def give_way(self) -> None:
        """Too many have not sent a whole head."""
        self.ticket = 0
        self.forceAbortClient()

    def _leave_queue(self) -> None:
        if self.ticket:
            self.api.pending.leave(self.ticket)
            self.ticket = 0

    def _take_plain(self, line: bytes) -> bool:
        """When this line begins a plain head, be where `HTTPChannel` is after the last line of one."""
        head = read_plain(line, self._buffer, self.totalHeadersSize)
        if head is None:
            return False
        length, body = head.length, b""
        end = head.size + length
        whole = len(self._buffer) >= end
        if whole:
            body = self._buffer[head.size : end]
            self._buffer = self._buffer[end:]
        else:
            self._buffer = self._buffer[head.size :]
        self._command, self._path, self._version = head.method, head.target, b"HTTP/1.1"
        request = Request(self, head.fields)
        self.requests.append(request)
        if whole:  # as most are: no need of a decoder that waits for the rest
            self.length = length
            self.allHeadersReceived()
            if body and not request.refused:
                request.handleContentChunk(body)
            self.allContentReceived()
        else:
            self._maybeChooseTransferDecoder(b"Content-Length", b"%d" % length)
            self.allHeadersReceived()
            self.setRawMode()
        return True

    def headerReceived(self, line: bytes) -> bool:
        if len(line) > MAX_HEADER_NAME:
            name, colon, _ = line.partition(b":")
            if colon and len(name) > MAX_HEADER_NAME:
                self._refuse(_TOO_LARGE)
                return False
            if name.lower() == b"content-length":  # thousands of digits are no number
                self._respondToBadRequestAndDisconnect()
                return False
        if self._receivedHeaderCount >= self.maxHeaders:
            self._refuse(_TOO_LARGE)
            return False
        return bool(super().headerReceived(line))

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        """Any encoding but chunked leaves the length of the body open (RFC 9112 6.3); Twisted lets `identity` pass."""
        if header == b"Transfer-Encoding" and data.lower() != b"chunked":
            return bool(self._failChooseTransferDecoder())
        return bool(super()._maybeChooseTransferDecoder(header, data))

    def allHeadersReceived(self) -> None:
        if self.ticket:
            self._leave_queue()
        request = self.requests[-1]
        if self.length is None:
            if self._version != b"HTTP/1.1":  # RFC 9112 6.1: its framing cannot be trusted
                self._respondToBadRequestAndDisconnect()
                return
            self._chunked = 0
        # RFC 9112 3.2: of two hosts a proxy may have judged the other one. To have none is a fault as well, but hurts
        # nobody, as we use it for nothing, and health checks of HAProxy send none.
        hosts = request.requestHeaders.get(b"host")
        if hosts is not None and len(hosts) > 1:
            self._refuse(_TWO_HOSTS)
            return
        self.persistent = self.checkPersistence(request, self._version)
        request.begin(self._command, self._path, self.length)
        if request.refused:
            return
        expect = request.header_bytes(b"expect")
        if expect is None or expect.lower() != b"100-continue" or self._version != b"HTTP/1.1" or self.length == 0:
            return
        if request.fault is None:
            self.flush()
            self._send100Continue()
        else:
            request.refuse(request.fault)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """HTTP/1.1 keeps the connection unless asked not to; HTTP/1.0 never does."""
        if version != b"HTTP/1.1":
            return False
        values = request.requestHeaders.get(b"connection")
        if values is None:
            return True
        tokens = b",".join(values).lower().split(b",")
        return b"close" not in [token.strip() for token in tokens]

    def refuse(self, answer: bytes) -> None:
        """Send this, close our half, and read nothing more. The request under way is never handed over."""
        self.lineReceived = self.rawDataReceived = self.dataReceived = _dropped  # type: ignore[method-assign, assignment]  # for good
        self._refused = True
        self._let_go()
        self.clearLineBuffer()
        self._leave_queue()
        self.setTimeout(None)
        self.end_with(answer)

    def rawDataReceived(self, data: bytes) -> None:
        if self.length is not None or self._handlingRequest:
            super().rawDataReceived(data)
            return
        self._chunked += len(data)
        request = self.requests[-1]
        super().rawDataReceived(data)
        if self.length is None and self._chunked > PIECE + (FRAMING + 1) * request.received:
            self._respondToBadRequestAndDisconnect()

    def _refuse(self, fault: RestError) -> None:
        """Refuse what has not become a request, or not all of one. Only the first fault is told."""
        if self._refused:
            return
        if self.requests:
            self.requests[-1].refused = True
        self.refuse(self.api.answers.finished(error_reply(fault), None, close=True))

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._refuse(_MALFORMED)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse(_TOO_LARGE if self.requests else _TOO_LONG)

    def setTimeout(self, period: float | None) -> float | None:
        before: float | None = self.timeOut
        self.timeOut = period  # type: ignore[assignment]  # any number will do
        if period is not None:
            self.resetTimeout()
            if self._watch is None:
                self._watch = self.callLater(period, self._look)
        return before

    def resetTimeout(self) -> None:
        self._since = self.api.engine.clock.seconds()

    def _look(self) -> None:
        self._watch = None
        if self.timeOut is None:  # not the client's turn
            return
        left = self._since + self.timeOut - self.api.engine.clock.seconds()
        if self.ticket:  # its head has a time of its own
            left = self.timeOut
        if left > 0:
            self._watch = self.callLater(left, self._look)
        else:
            self.timeoutConnection()

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._stop_watching()
        self._let_go()
        self._leave_queue()
        self.api.connections.discard(self)
        if self.whose is not None:
            self.api.crowd.leave(self.whose)

    def finish(self) -> None:
        """The server stops: end now when nothing is asked, or half a head, else with the answer, see `send`."""
        if self.ticket or not (self.requests or self._buffer):
            self.loseConnection()

    def timeoutConnection(self) -> None:
        """An idle connection is nothing to write home about; who has begun to ask is told."""
        if self.requests and not self._handlingRequest:
            self._refuse(_TOO_SLOW)
            return
        self.lose_within(LINGER)

    def send(self, request: Request, reply: Reply) -> None:
        """Answer the request whose turn it is, and go on to the next."""
        if self._held:
            self._let_go()
        if self.api.engine.draining:
            self.persistent = False
        self.write(
            self.api.answers.finished(
                reply,
                request.header_bytes(b"origin"),
                close=not self.persistent,
                head_only=request.method == "HEAD",
                request_id=request.id,
            )
        )
        self._credit = 0
        self.requestDone(request)

    def vacate(self) -> tuple[Any, bytes]:
        """Leave the connection to another protocol, with the bytes read ahead; nothing of it stays here."""
        self.flush()
        transport = self.transport
        rest = b"".join(self._dataBuffer) + self.clearLineBuffer()
        self._dataBuffer.clear()
        self.requests.clear()
        self.setTimeout(None)
        self._stop_watching()
        producer: Any = self._networkProducer
        producer.unregisterProducer()
        producer.resumeProducing()
        self.api.connections.discard(self)
        self._networkProducer = self.transport = None  # type: ignore[assignment]  # it is over
        del self._wire
        return transport, rest
