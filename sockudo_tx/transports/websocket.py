"""WebSocket connections: Autobahn reads and answers frames, an outbox sends, the engine decides.

    bytes -> Autobahn's parser -> engine.hear
    engine -> WebSocketSink (an outbox) -> bytes

Of Autobahn we use the frame parser, the closing handshake and decompression; whole texts are read by
`inbound`. Its opening handshake, message events, timers and per-connection copies of every option are replaced: the
port has checked the upgrade before a connection gets here, and an idle connection should cost little memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.util import encode_truncate
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..engine.departures import LOST, Ending
from ..interfaces import IFraming
from .crowd import Crowd
from .deflate import Agreement, DeflateFraming, DeflateStream, Inflater, mode_named, negotiate
from .framing import PlainFraming
from .handshake import Upgrade, switching_protocols
from .inbound import LONGEST, whole_text
from .settings import WebSocketSettings
from .sink import PING_PAYLOAD, StreamSink, WebSocketSink
from .slowness import SlowConsumers
from .turn import Turn
from .wire import limit_silence, wire_for

if TYPE_CHECKING:
    from ..engine.server import Engine
    from ..engine.tables import Socket

__all__ = ["WebSocketFactory", "WebSocketProtocol"]

_CLOSE_FRAME = 0x88
_DEAF_LIMIT = 30.0
"""Seconds after which a peer that takes nothing is gone, where slow clients are disconnected (scaling.md 8)."""
_NO_CODE = 1005  # RFC 6455 7.4.1: a Close frame without a code
_REASON_LIMIT = 123  # RFC 6455 5.5: a control frame carries 125 bytes, two of them the code


class _Quiet:
    """Stands in for Autobahn's logger, which formats lines nobody reads; a peer's faults are not our news."""

    def trace(self, *_: object, **__: object) -> None: ...

    debug = info = warn = error = trace


class WebSocketProtocol(WebSocketServerProtocol):
    """One WebSocket, from the 101 response to the end of the connection."""

    log = _Quiet()

    # Autobahn copies these from its factory to every connection unless the class has them.
    logOctets = False
    logFrames = False
    trackedTimings: Any = None
    requireMaskedClientFrames = True
    maskServerFrames = False
    applyMask = True
    utf8validateIncoming = True
    autoFragmentSize = 0
    failByDrop = False
    echoCloseCodeReason = True
    autoPingRestartOnAnyTraffic = False
    autoPingPending = None
    autoPingTimeoutCall = None
    websocket_version = 13

    # Where every connection begins.
    state = WebSocketServerProtocol.STATE_CONNECTING
    data = b""
    current_frame: Any = None
    inside_message = False
    failedByMe = False
    closedByMe = False
    wasClean = False
    wasMaxFramePayloadSizeExceeded = False
    wasMaxMessagePayloadSizeExceeded = False
    closeHandshakeTimeoutCall: Any = None
    transport: Any = None
    trafficStats = TrafficStats()  # one for all: Autobahn counts, nobody asks
    _perMessageCompress: Any = None
    _socket: Socket | None = None
    whose: str | None = None
    """Who is charged with this connection, when there is a limit to theirs."""
    _peer_closed = False
    remoteCloseCode: int | None = None
    remoteCloseReason: str | None = None

    def __init__(self, factory: WebSocketFactory) -> None:
        # Autobahn's own __init__ makes Deferreds and a description of the transport that nothing here needs.
        self.factory: Any = factory
        self.maxFramePayloadSize = factory.settings.max_frame_size
        self.maxMessagePayloadSize = factory.settings.max_message_size
        self.closeHandshakeTimeout = factory.settings.close_timeout

    def open(self, transport: Any, upgrade: Upgrade, rest: bytes, address: str = "") -> None:
        """Begin on a transport whose upgrade request has been read and found valid; `rest` came after it.

        `address` is the client's, for the log.
        """
        self.transport = transport
        self.connected = 1
        agreement = self.factory.agree(upgrade)
        self.sink = self.factory.sink(self, agreement)
        if agreement is not None:
            self._perMessageCompress = Inflater(agreement)
        response = switching_protocols(upgrade, agreement and agreement.response)
        self.sink.push_bytes(response)
        self.state = self.STATE_OPEN
        engine = self.factory.engine
        socket = engine.connect(self.sink, upgrade.key, upgrade.origin, address, upgrade.client)
        if not self.connected:
            engine.disconnected(socket)
            return
        self._socket = socket
        if rest:
            self.dataReceived(rest)

    # Called by the transport.

    def dataReceived(self, data: bytes) -> None:
        if self.current_frame is None and not self.data and not self.inside_message:
            data = self._hear_whole(data)
        if data and self.state != self.STATE_CLOSED:
            self.data = self.data + data if self.data else data
            self.consumeData()

    def _hear_whole(self, data: bytes) -> bytes:
        """Hear the whole texts at the beginning of `data`; the rest is for Autobahn."""
        begin = 0
        factory = self.factory
        while self.state == self.STATE_OPEN and self._socket is not None:
            found = whole_text(data, begin, factory.longest_whole)
            if found is None:
                break
            text, begin = found
            factory.hear(self._socket, text)
        return data[begin:] if begin else data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.connected = 0
        self.state = self.STATE_CLOSED
        self.data = b""
        self._disarm()
        self.sink.stopProducing()
        del self.sink  # which knows us: without a cycle, memory is free at once
        if self.whose is not None:
            self.factory.crowd.leave(self.whose)
        socket, self._socket = self._socket, None
        if socket is not None:
            self.factory.engine.disconnected(socket, self._ending())

    # Called by Autobahn's parser.

    @cached_property
    def utf8validator(self) -> Utf8Validator:  # type: ignore[override]  # nobody sets it
        """Made for the first text that is not read whole; most connections never send one."""
        return Utf8Validator()

    def _onMessageBegin(self, isBinary: bool) -> None:
        self.message_is_binary = isBinary
        self.message_data_total_length = 0
        self._message: bytes | bytearray = b""

    def _onMessageFrameBegin(self, length: int) -> None:
        self.message_data_total_length += length
        if 0 < self.maxMessagePayloadSize < self.message_data_total_length:
            self._max_message_size_exceeded(
                self.message_data_total_length, self.maxMessagePayloadSize, "The message is too big"
            )
        elif 0 < self.maxFramePayloadSize < length:
            self._max_message_size_exceeded(length, self.maxFramePayloadSize, "The frame is too big")

    def _onMessageFrameData(self, payload: bytes) -> None:
        if self.failedByMe:
            self._message = b""
        elif not self._message:
            self._message = payload
        else:
            if isinstance(self._message, bytes):
                self._message = bytearray(self._message)
            self._message += payload

    def _onMessageFrameEnd(self) -> None:
        pass

    def _onMessageEnd(self) -> None:
        message, self._message = self._message, b""
        if self.state == self.STATE_OPEN and self._socket is not None:
            self.factory.hear(self._socket, bytes(message), self.message_is_binary)

    def _onPing(self, payload: bytes) -> None:
        self.sendPong(payload)
        if self.state == self.STATE_OPEN and self._socket is not None:
            self.factory.engine.alive(self._socket)

    def _onPong(self, payload: bytes) -> None:
        if self.state == self.STATE_OPEN and self._socket is not None:
            engine = self.factory.engine
            (engine.answered if payload == PING_PAYLOAD else engine.alive)(self._socket)

    def _fail_connection(self, code: int = 1001, reason: str = "") -> None:
        # Only the first fault is told; what follows is skipped until the peer answers the Close frame.
        self.failedByMe = True
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, _REASON_LIMIT), isReply=False)
            self._leave(Ending("server", code, reason))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        if data[0] == _CLOSE_FRAME:
            self.sink.push_last(data)
        else:
            self.sink.push_bytes(data)

    # The end.

    def giveUp(self, code: int, reason: str) -> None:
        """Close a peer that is too slow. The engine, in the middle of a broadcast perhaps, is told in a later turn."""
        self.sendClose(code, reason)
        self.factory.clock.callLater(0, self._leave, Ending("server", code, reason))

    def missed(self) -> None:
        """The sink has dropped an ordinary event."""
        if self._socket is not None:
            self.factory.engine.missed(self._socket)

    def _leave(self, ending: Ending) -> None:
        if self._socket is not None:
            self.factory.engine.closing(self._socket, ending)

    def _ending(self) -> Ending:
        """How the peer left: with a Close frame, or without."""
        if not self._peer_closed:
            return LOST
        return Ending("client", self.remoteCloseCode or _NO_CODE, self.remoteCloseReason or "")

    def onCloseFrame(self, code: int, reasonRaw: bytes) -> bool | None:
        self._peer_closed = True
        return super().onCloseFrame(code, reasonRaw)

    def dropConnection(self, abort: bool = False) -> None:
        """End the connection: after a clean closing handshake, or without `abort`, once all has been sent."""
        if abort and not self.wasClean:
            self._abort()
        elif self.state != self.STATE_CLOSED:
            self.state = self.STATE_CLOSED
            if not self.sink.lose():
                self._leave(self._ending())
                self._disarm()
                self.closeHandshakeTimeoutCall = self.factory.clock.callLater(self.closeHandshakeTimeout, self._abort)

    def onCloseHandshakeTimeout(self) -> None:
        self._abort()

    def _abort(self) -> None:
        if self.connected:
            self.state = self.STATE_CLOSED
            self.sink.stopProducing()
            self.transport.abortConnection()

    def _disarm(self) -> None:
        call, self.closeHandshakeTimeoutCall = self.closeHandshakeTimeoutCall, None
        if call is not None and call.active():
            call.cancel()


class _Timers:
    """The timer Autobahn asks its factory for; its own would use a global reactor and round to buckets."""

    __slots__ = ("call_later",)

    def __init__(self, clock: IReactorTime) -> None:
        self.call_later = clock.callLater


class WebSocketFactory:
    """What the WebSockets of a port share."""

    isServer = True
    protocol = WebSocketProtocol
    crowd: Crowd
    """Connections by address."""

    def __init__(self, engine: Engine, settings: WebSocketSettings, clock: IReactorTime, turn: Turn) -> None:
        self.engine = engine
        self.clock = clock
        self.turn = turn
        self.slow = SlowConsumers(clock)
        self._batched_timer = _Timers(clock)
        self._plain = PlainFraming(turn)
        self.adjust(settings)

    def adjust(self, settings: WebSocketSettings) -> None:
        """These settings from now on: sizes and compression for new connections, queue and rate limits for all."""
        self.settings = settings
        most = settings.max_messages_per_second
        self.hear: Callable[..., None] = partial(self.engine.hear_within, most) if most else self.engine.hear
        """Tells the engine of a message: its connection, the payload, and whether that is binary."""
        self.slow.adjust(
            settings.max_messages, settings.max_bytes, settings.max_backpressure, settings.disconnect_on_buffer_full
        )
        self.longest_whole = min(LONGEST, settings.max_frame_size or LONGEST, settings.max_message_size or LONGEST)
        """Bytes of a text that is read without Autobahn, who knows what to do about those that are too big."""
        self._mode = mode_named(settings.compression)
        self._framings: dict[int, DeflateFraming] = {}

    def agree(self, upgrade: Upgrade) -> Agreement | None:
        """The compression to use with this client; None for none."""
        if self._mode is None or not upgrade.extensions:
            return None
        return negotiate(self._mode, upgrade.extensions)

    def sink(self, connection: WebSocketProtocol, agreement: Agreement | None) -> WebSocketSink:
        """A sink with the framing that was agreed on."""
        wire = wire_for(connection.transport)
        if self.slow.disconnect:
            limit_silence(connection.transport, _DEAF_LIMIT)
        framing: IFraming = self._plain
        if agreement is not None and self._mode is not None:
            bits = agreement.out_bits
            if agreement.out_takeover:
                return StreamSink(connection, wire, self.turn, self.slow, DeflateStream(bits, self._mode))
            framing = self._framings.get(bits) or self._framings.setdefault(
                bits, DeflateFraming(bits, self._mode, self.turn)
            )
        return WebSocketSink(connection, wire, self.turn, self.slow, framing)
