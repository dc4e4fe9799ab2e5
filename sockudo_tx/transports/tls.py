"""TLS between a TCP connection and what speaks on it: the standard library's OpenSSL on two memory buffers.

    bytes of the peer -> incoming -> OpenSSL -> protocol.dataReceived
    write -> OpenSSL -> outgoing -> the kernel, or while that is full the TCP transport's buffer

Twisted's own TLS transport does the same through pyOpenSSL, which needs three times as long for a short record and
half as much memory again for an idle connection (docs/performance.md). Nobody above hears of a connection before its
handshake is finished, and a handshake has limited time. Source: configuration.md 8.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from ssl import MemoryBIO, SSLContext, SSLError, SSLObject, SSLWantReadError
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProtocol,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from .pending import Pending

__all__ = ["RECORD", "TlsFactory", "TlsTransport"]

RECORD = 16384
"""Bytes encrypted or decrypted at a time: a full TLS record. OpenSSL's buffers stay as large as the most they held."""

_ADVICE = b"This port speaks TLS: use https:// or wss://\n"
_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_ADVICE), _ADVICE)
)


@implementer(IProtocol, ISSLTransport, IPushProducer, IConsumer)
class TlsTransport:
    """One TLS connection: the protocol of a TCP connection, and the transport of `protocol`."""

    __slots__ = (
        "_address",
        "_factory",
        "_heard",
        "_incoming",
        "_open",
        "_outgoing",
        "_ticket",
        "_tls",
        "protocol",
        "tcp",
    )

    def __init__(self, factory: TlsFactory, address: IAddress | None) -> None:
        self._factory: TlsFactory | None = factory
        """Until the handshake is finished."""
        self._address = address
        self._incoming = MemoryBIO()
        self._outgoing = MemoryBIO()
        self._tls: SSLObject = factory.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ticket = 0
        """Our place among those that have not shaken hands."""
        self._open = True
        """Whether what the peer sends is for `protocol`, and what that writes for the peer."""
        self._heard = False
        """Whether the peer has said something that was not the end of the handshake."""
        self.protocol: Any = None
        """Who hears what the peer says; None before the handshake is finished."""
        self.tcp: Connection

    # Called by the TCP transport.

    def makeConnection(self, transport: Any) -> None:
        self.tcp = transport
        assert self._factory is not None
        self._ticket = self._factory.pending.begin(self)

    def connectionMade(self) -> None:
        """Nothing yet: the peer speaks first."""

    def dataReceived(self, data: bytes) -> None:
        for start in range(0, len(data), RECORD):
            if not self._open:  # our half is closed, and who closed it wants to hear no more
                return
            self._incoming.write(data[start : start + RECORD] if len(data) > RECORD else data)
            if self._factory is None or self._shake_hands(self._factory):
                self._deliver()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._factory is not None:
            # Who refuses our certificate with data unread resets the connection, and the reset may overtake the alert.
            self._factory.failed += self._open and self._heard
            self._factory.pending.leave(self._ticket)
        self._open = False
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(reason)

    def _shake_hands(self, factory: TlsFactory) -> bool:
        """Go on with the handshake; whether it is finished now."""
        try:
            self._tls.do_handshake()
        except SSLWantReadError:
            self._heard = True
            self._pass(self._outgoing.read())
            return False
        except SSLError as error:  # a peer's fault is not our news; the time limit still holds for its end
            self._open = False
            factory.failed += 1
            self.tcp.write(_PLAIN_ANSWER if error.reason == "HTTP_REQUEST" else self._outgoing.read())
            self.tcp.loseConnection()
            return False
        # In TLS 1.3 only a ticket is left. It must not wait for what we say first: a client that obeys Nagle holds its
        # request back until something acknowledges its half of the handshake, 40 ms later if nothing does.
        self._pass(self._outgoing.read())
        factory.pending.leave(self._ticket)
        factory.completed += 1
        factory.resumed += bool(self._tls.session_reused)
        protocol = factory.factory.buildProtocol(self._address)
        self._factory = self._address = None
        if protocol is None:
            self.abortConnection()
            return False
        self.protocol = protocol
        protocol.makeConnection(self)
        return True

    # Called by `Pending`.

    def head_is_late(self) -> None:
        """The handshake took too long."""
        if self._open and self._factory is not None:
            self._factory.failed += 1
        self.abortConnection()

    def give_way(self) -> None:
        """Too many have not shaken hands, or not asked for anything."""
        self.abortConnection()

    def _deliver(self) -> None:
        """Hand over what can be decrypted. What OpenSSL answers by itself, new keys, goes with what we say next."""
        tls, incoming = self._tls, self._incoming
        # Asking when nothing is there would cost an exception for each read.
        while self._open and (incoming.pending or tls.pending()):
            try:
                text = tls.read(RECORD)
            except SSLWantReadError:
                break
            except SSLError:
                self._end()
                return
            if not text:
                self._end(self._goodbye())
                return
            self.protocol.dataReceived(text)
        if self._outgoing.pending > RECORD:  # hundreds of requests for new keys, to one who has had nothing to say
            self.abortConnection()

    def _end(self, last: bytes = b"") -> None:
        """The peer has finished, or cannot be understood: like a closed TCP connection, what waits for it is lost."""
        if not self._open:
            return
        self._open = False
        self._pass(last + self._outgoing.read())
        if self.drained():
            self.tcp.unregisterProducer()  # or the connection would wait for it
            self.tcp.loseConnection()
        else:
            self.tcp.abortConnection()

    # For the wire of an outbox.

    def drained(self) -> bool:
        """Whether everything encrypted so far is in the kernel."""
        tcp = self.tcp
        return not tcp._tempDataBuffer and tcp.offset == len(tcp.dataBuffer)

    def encrypted(self, data: bytes) -> bytes:
        """The records for `data`; they must leave, and before those of the next call. Raises `SSLError`."""
        encrypt, records = self._tls.write, self._outgoing.read
        if len(data) <= RECORD:
            encrypt(data)
            return records()
        view, pieces = memoryview(data), []
        for start in range(0, len(data), RECORD):
            encrypt(view[start : start + RECORD])
            pieces.append(records())
        return b"".join(pieces)

    def queue(self, data: bytes) -> None:
        """Encrypt, and send when the TCP transport next does."""
        if self._open and data:
            self.tcp.write(self.encrypted(data))

    # Called by `protocol`.

    @property
    def disconnecting(self) -> bool:
        """Whether the end has begun."""
        return not self._open

    def write(self, data: bytes) -> None:
        if self._open and data:
            self._pass(self.encrypted(data))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def _pass(self, ciphertext: bytes) -> None:
        """Send at once what the kernel takes and the rest in its turn, which spares the reactor most of its work."""
        if not ciphertext:
            return
        sent = 0
        if self.drained() and (self.tcp.producer is None or self.tcp.streamingProducer):
            try:
                sent = self.tcp.socket.send(ciphertext)
            except OSError:  # full, or broken: the transport meets the same error and reports it
                pass
        if sent < len(ciphertext):
            self.tcp.write(ciphertext[sent:] if sent else ciphertext)

    def _goodbye(self) -> bytes:
        """Our close_notify; the peer's is not waited for (RFC 8446 6.1)."""
        try:
            self._tls.unwrap()
        except SSLError:  # mostly that the peer has not said its own
            pass
        return self._outgoing.read()

    def loseConnection(self) -> None:
        """Close the connection when everything written is sent."""
        if not self._open:
            return
        goodbye = self._goodbye()
        self._open = False
        if self.drained():
            try:
                self.tcp.socket.send(goodbye)
            except OSError:  # nothing is left to say, so we do not wait until this can be said
                pass
        else:
            self.tcp.write(goodbye)
        self.tcp.loseConnection()

    def loseWriteConnection(self) -> None:
        """Close our half when everything written is sent. What the peer still says is not even decrypted."""
        if self._open:
            goodbye = self._goodbye()
            self._open = False
            self._pass(goodbye)
            self.tcp.loseWriteConnection()

    def abortConnection(self) -> None:
        """End the connection now."""
        self._open = False
        self.tcp.abortConnection()

    def pauseProducing(self) -> None:
        self.tcp.pauseProducing()

    def resumeProducing(self) -> None:
        self.tcp.resumeProducing()

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.tcp.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.tcp.unregisterProducer()

    def getPeerCertificate(self) -> None:
        """Clients are not asked for one."""

    def getHost(self) -> Any:
        return self.tcp.getHost()

    def getPeer(self) -> Any:
        return self.tcp.getPeer()

    def getTcpNoDelay(self) -> bool:
        return self.tcp.getTcpNoDelay()

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.tcp.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        return self.tcp.getTcpKeepAlive()

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.tcp.setTcpKeepAlive(enabled)


class TlsFactory(Factory):
    """Puts TLS under the protocols of another factory."""

    noisy = False

    def __init__(
        self,
        factory: Factory,
        context: SSLContext,
        clock: IReactorTime,
        handshake_timeout: float = 10.0,
        pending: Pending | None = None,
    ) -> None:
        self.factory = factory
        self.context = context
        """For the connections that come; those that are there, or shaking hands, keep theirs."""
        if pending is None:  # an empty queue is false
            pending = Pending(clock, limit=0, silence=handshake_timeout, patience=handshake_timeout)
        self.pending = pending
        """Clients that have not shaken hands: how long they may take, and how many there may be. Those who have not
        asked for anything yet count with them when this is the queue of `factory`."""
        self.completed = 0
        """Handshakes that succeeded, ever."""
        self.resumed = 0
        """Those of them that went on from an earlier connection."""
        self.failed = 0
        """Handshakes refused or left by either side, or out of time. Who hangs up without a word is not counted."""

    def startFactory(self) -> None:
        self.factory.doStart()

    def stopFactory(self) -> None:
        self.factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> TlsTransport:  # type: ignore[override]  # it needs no factory
        return TlsTransport(self, addr)
