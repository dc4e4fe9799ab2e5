"""How answers leave an HTTP connection, and how it ends behind them.

Answers leave at the end of the turn, after the frames they tell of: a publisher that reads 200 knows that its event
is on the way to every subscriber here. Those of one turn, to pipelined requests, leave together.

Behind a refusal that came before the whole request was read our half of the connection is closed, and what still comes
in is dropped for a few seconds: closing a socket with unread bytes resets it, and the client would never see the
answer. Nor does a client that never reads its answers keep the connection, or have more than a few computed.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..pausing import PausingChannel
from ..turn import CHUNK
from ..wire import Wire, wire_for
from .api import RestApi

__all__ = ["LINGER", "AnsweringChannel"]

LINGER = 5
"""Seconds a refused client may go on sending."""


class AnsweringChannel(PausingChannel):
    """The way out of a connection."""

    api: RestApi
    _wire: Wire
    _answered = b""
    """The answers of this turn."""
    _losing = False
    """The connection ends once they have left."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self._wire = wire_for(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._answered = b""
        super().connectionLost(reason)

    def write(self, data: bytes) -> None:
        if not self._answered:
            self.api.turn.add_late(self)
        self._answered += data
        if len(self._answered) > CHUNK:
            self.flush()

    def flush(self) -> None:
        """Send this turn's answers: into the kernel, unless something unsent is before them."""
        data, self._answered = self._answered, b""
        if not data:
            return
        wire = self._wire
        sent = 0
        if wire.drained():
            try:
                sent = wire.sender()(data)
            except OSError:  # full, or broken: the transport gets the bytes, meets the same error and reports it
                sent = 0
        if sent < len(data):
            wire.write(data[sent:])
        if self._losing:
            self.loseConnection()

    def end_with(self, answer: bytes) -> None:
        """Send this last answer and close our half; what still comes must be dropped from now on."""
        self.flush()
        transport: Any = self.transport
        transport.write(answer)
        producer: Any = self._networkProducer
        producer.unregisterProducer()
        if ITCPTransport.providedBy(transport):
            self._abortingCall = self.callLater(LINGER, self.forceAbortClient)
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def lose_within(self, seconds: float) -> None:
        """End the connection when its answers have left, and after so long in any case."""
        self._abortingCall = self.callLater(seconds, self.forceAbortClient)
        self.loseConnection()

    def loseConnection(self) -> None:
        if self._answered:
            self._losing = True
            return
        if self._abortingCall is None and self._savedTimeOut and not self._wire.drained():
            self._abortingCall = self.callLater(self._savedTimeOut, self.forceAbortClient)
        super().loseConnection()

    def forceAbortClient(self) -> None:
        self._abortingCall = None
        transport: Any = self.transport
        transport.abortConnection()
