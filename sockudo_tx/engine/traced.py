"""The engine of debug mode: tells the log what comes in, what goes out, and why something was refused.

    DEBUG sockudo.frames: in  pusher:subscribe socket_id=3.4 channel=private-a bytes=142
    DEBUG sockudo.frames: out pusher_internal:subscription_succeeded socket_id=3.4 channel=private-a bytes=81
    DEBUG sockudo.frames: out news sockets=250 channel=private-a bytes=77
    DEBUG sockudo.refusals: refused: Authentication error: ... because='auth: was made without the socket id'

Names and sizes only, never data. It costs more than the messages themselves, and nothing when it is not used: it
stands around the engine and its sinks. Source: http-api.md 13.
"""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.logger import Logger
from zope.interface import implementer

from ..interfaces import IFraming, ISink
from ..protocol import messages
from ..protocol.app import App
from ..protocol.diagnosis import why_signin, why_subscribe
from ..protocol.errors import PeerError, shortened
from ..protocol.messages import Command
from .allowance import Allowance
from .server import Engine
from .tables import Socket

__all__ = ["EXPLANATIONS_A_SECOND", "FRAMES", "REFUSALS", "TracedEngine", "untraced"]

FRAMES = "sockudo.frames"
REFUSALS = "sockudo.refusals"

_UNAUTHORIZED = 4009
EXPLANATIONS_A_SECOND = 20
"""An explanation costs up to some milliseconds, and anybody can be refused."""

_frames = Logger(FRAMES)
_refusals = Logger(REFUSALS)


class _Names(msgspec.Struct):
    event: str | None = None
    channel: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")


class _Data(msgspec.Struct):
    channel: str | None = None


_names = msgspec.json.Decoder(_Names).decode
_data = msgspec.json.Decoder(_Data).decode


def _named(text: bytes) -> dict[str, Any]:
    """Event, channel and size of a message."""
    found: dict[str, Any] = {"event": "?"}
    try:
        names = _names(text)
        found["event"] = shortened(names.event or "?")
        channel = names.channel
        if channel is None and bytes(names.data)[:1] == b"{":
            channel = _data(names.data).channel
        if channel is not None:
            found["channel"] = shortened(channel)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    found["bytes"] = len(text)
    return found


@implementer(IFraming)
class _TracedFraming:
    """Remembers what the last frame was made of: it is pushed before the next one is made."""

    def __init__(self, framing: IFraming) -> None:
        self._framing = framing
        self._frame = b""
        self._text = b""
        self._traced: tuple[ISink, ...] = ()
        self._audience: tuple[ISink, ...] = ()
        """The transport's sinks in place of `_traced`: of the last audience, which may be the next."""

    def frame(self, text: bytes) -> bytes:
        made: bytes = self._framing.frame(text)
        self._frame, self._text = made, text
        return made

    def push_all(self, sinks: tuple[ISink, ...], frame: bytes) -> None:
        _frames.debug("out {event}", sockets=len(sinks), **self.named(frame))
        if sinks is not self._traced:
            self._traced = sinks
            self._audience = type(sinks)(sink.sink for sink in sinks if isinstance(sink, _TracedSink))
        self._framing.push_all(self._audience, frame)

    def settle(self) -> None:
        self._framing.settle()

    def named(self, frame: bytes) -> dict[str, Any]:
        return _named(self._text) if frame is self._frame else {"event": "?", "bytes": len(frame)}


@implementer(ISink)
class _TracedSink:
    """Around one connection's sink."""

    def __init__(self, sink: ISink, framing: _TracedFraming) -> None:
        self.sink = sink
        self.framing = framing
        self.who: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        """The key it came with, and the origin if it has one."""
        self.socket: Socket | None = None
        """Not yet there for those that are refused at once."""

    @property
    def tells_missed(self) -> bool:
        return self.sink.tells_missed

    @tells_missed.setter
    def tells_missed(self, wanted: bool) -> None:
        self.sink.tells_missed = wanted

    def push(self, frame: bytes) -> None:
        self._tell(frame)
        self.sink.push(frame)

    def push_control(self, frame: bytes) -> None:
        self._tell(frame)
        self.sink.push_control(frame)

    def ping(self) -> None:
        _frames.debug("out ping", **self.who)
        self.sink.ping()

    def close(self, code: int, reason: str) -> None:
        _frames.debug("out close", **self.who, code=code, reason=reason)
        if self.socket is None or not self.socket.id:
            _refusals.debug("refused: {text}", text=reason, code=code, **self.asked)
        self.sink.close(code, reason)

    def abort(self) -> None:
        self.sink.abort()

    def _tell(self, frame: bytes) -> None:
        _frames.debug("out {event}", **self.who, **self.framing.named(frame))


def untraced(sink: ISink) -> ISink:
    """The transport's own sink, whoever stands around it."""
    return sink.sink if isinstance(sink, _TracedSink) else sink


class TracedEngine(Engine):
    """An engine that tells; everything else is as in `Engine`."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._framings: dict[IFraming, _TracedFraming] = {}
        self._command: tuple[Socket, Command, App | None] | None = None
        self._explanations = Allowance(self.clock, EXPLANATIONS_A_SECOND)

    def connect(self, sink: ISink, key: str, origin: str | None, address: str = "", client: str = "") -> Socket:
        asked = {"key": shortened(key), **({"origin": shortened(origin)} if origin else {})}
        known = {"address": address, "client": client}
        _frames.debug("in connect", **asked, **{name: value for name, value in known.items() if value})
        framing = self._framings.get(sink.framing)
        if framing is None:
            framing = self._framings[sink.framing] = _TracedFraming(sink.framing)
        traced = _TracedSink(sink, framing)
        traced.asked = asked
        socket = traced.socket = super().connect(traced, key, origin, address, client)
        traced.who = {"socket_id": socket.id}
        return socket

    def hear(self, socket: Socket, payload: bytes, binary: bool = False) -> None:
        if isinstance(socket.sink, _TracedSink):
            socket.sink.who = {"socket_id": socket.id}
        _frames.debug("in {event}", socket_id=socket.id, **_named(payload))
        super().hear(socket, payload, binary)

    def _obey(self, socket: Socket, command: Command, app: App | None) -> None:
        self._command = (socket, command, app)
        try:
            super()._obey(socket, command, app)
        finally:
            self._command = None

    def _refuse(self, socket: Socket, fault: PeerError) -> None:
        why = self._why(socket) if fault.code == _UNAUTHORIZED else None
        more = {"because": why} if why is not None else {}
        _refusals.debug(
            "refused: {text}", text=fault.text, code=fault.code, app_id=socket.app_id, socket_id=socket.id, **more
        )
        super()._refuse(socket, fault)

    def _why(self, socket: Socket) -> str | None:
        """What is known of the signature beyond the text the client is told."""
        if self._command is None or self._command[0] is not socket or not self._explanations.take():
            return None
        _, command, app = self._command
        if app is not None and isinstance(command, messages.Subscribe):
            return why_subscribe(app, socket.id, command)
        if app is not None and isinstance(command, messages.Signin):
            return why_signin(app, socket.id, command)
        return None
