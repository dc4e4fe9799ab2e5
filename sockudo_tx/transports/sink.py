"""The engine's end of a WebSocket: an outbox that can frame, ping and close."""

from __future__ import annotations

from typing import Protocol

from zope.interface import implementer

from ..interfaces import IFraming, ISink
from ..protocol import messages
from ..protocol.errors import PeerError
from .deflate import AS_TEXT, DeflateStream
from .framing import PING, frame, text_frame
from .outbox import Outbox
from .slowness import SlowConsumers
from .turn import Turn
from .wire import Wire

__all__ = ["PING_PAYLOAD", "StreamSink", "WebSocketSink"]

PING_PAYLOAD = b"server"
"""Comes back in the Pong, which tells the answer to our Ping from a Pong nobody asked for."""
_PING = frame(PING, PING_PAYLOAD)


class Connection(Protocol):
    """The WebSocket connection a sink ends, in Autobahn's style."""

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None: ...

    def dropConnection(self, abort: bool = False) -> None: ...

    def giveUp(self, code: int, reason: str) -> None: ...

    def missed(self) -> None: ...


@implementer(ISink)
class WebSocketSink(Outbox):
    """Takes the frames of `framing`. Finished bytes of any other kind go through `push_bytes`."""

    __slots__ = ("_connection", "framing")

    def __init__(self, connection: Connection, wire: Wire, turn: Turn, slow: SlowConsumers, framing: IFraming) -> None:
        super().__init__(wire, turn, slow)
        self._connection = connection
        self.framing = framing

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then a Close frame; the connection ends when the peer has answered it."""
        self._connection.sendClose(code, reason)

    def abort(self) -> None:
        """End the connection now."""
        self._connection.dropConnection(abort=True)

    def ping(self) -> None:
        """Send a native Ping, unless the peer does not even take what was sent to it before."""
        if not self.blocked:
            self.push_bytes(_PING)

    def missed(self) -> None:
        self._connection.missed()

    def too_slow(self, error: PeerError) -> None:
        self.push_bytes(text_frame(messages.error(error).encode()))
        self._connection.giveUp(error.code, error.text)


class StreamSink(WebSocketSink):
    """Takes texts, and compresses in the connection's own stream only those that will be sent."""

    __slots__ = ("_stream",)

    def __init__(
        self, connection: Connection, wire: Wire, turn: Turn, slow: SlowConsumers, stream: DeflateStream
    ) -> None:
        super().__init__(connection, wire, turn, slow, AS_TEXT)
        self._stream = stream

    def push(self, frame: bytes) -> None:
        if self._takes(len(frame), control=False):
            self._queue(self._stream.frame(frame))

    def push_control(self, frame: bytes) -> None:
        if self._takes(len(frame), control=True):
            self._queue(self._stream.frame(frame))
