"""permessage-deflate: the modes of `websocket.compression`, negotiation, and compressed framings.

Without context takeover every message is compressed on its own, so one frame serves all connections that
agreed on the same window. With it the compressor is the connection's, and so is every frame.
Source: RFC 7692, configuration.md 2.15, protocol.md 1.4.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from autobahn.websocket.compress_deflate import PerMessageDeflate
from zope.interface import implementer

from ..interfaces import IFraming, ISink
from .framing import DEFLATED_TEXT, frame, text_frame
from .turn import Turn

__all__ = ["AS_TEXT", "Agreement", "DeflateFraming", "DeflateStream", "Inflater", "Mode", "mode_named", "negotiate"]

_SYNC_TAIL = b"\x00\x00\xff\xff"
_FULL_WINDOW = 15
_SMALLEST_WINDOW = 9  # zlib cannot do 8 for raw deflate


class Mode(NamedTuple):
    """What we offer clients; `threshold` is the length below which a message is not compressed."""

    window_bits: int
    takeover: bool
    level: int
    threshold: int


_MODES = {
    "dedicated": Mode(15, True, 6, 16),
    "shared": Mode(15, False, 6, 16),
    "window256b": Mode(9, False, 1, 128),
    "window1kb": Mode(10, False, 1, 64),
    "window2kb": Mode(11, False, 3, 48),
    "window4kb": Mode(12, True, 3, 40),
    "window8kb": Mode(13, True, 5, 32),
    "window16kb": Mode(14, True, 5, 24),
    "window32kb": Mode(15, True, 6, 24),
}


def mode_named(word: str) -> Mode | None:
    """The mode of this name in any case; None, no compression, for `disabled` and unknown words."""
    return _MODES.get(word.lower())


class Agreement(NamedTuple):
    """What was negotiated, seen from the server: `out_` towards the client, `in_` from it."""

    out_bits: int
    out_takeover: bool
    in_bits: int
    in_takeover: bool
    response: bytes
    """The value of our Sec-WebSocket-Extensions."""


def negotiate(mode: Mode, header: str) -> Agreement | None:
    """Answer a client's Sec-WebSocket-Extensions with the first offer that can be met; None declines all."""
    for offer in header.split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name.lower() == "permessage-deflate":
            asked = _parameters(parameters)
            if asked is not None:
                return _accept(mode, asked)
    return None


def _parameters(parts: list[str]) -> dict[str, int] | None:
    """An offer's parameters, 0 for one without value; None when the offer is not to be met."""
    asked: dict[str, int] = {}
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        name = name.lower()
        value = value.strip('"')
        if name in asked:
            return None
        if name in {"server_no_context_takeover", "client_no_context_takeover"}:
            if equals:
                return None
            asked[name] = 0
        elif name == "client_max_window_bits" and not equals:
            asked[name] = 0
        elif name in {"server_max_window_bits", "client_max_window_bits"}:
            if value not in {"8", "9", "10", "11", "12", "13", "14", "15"}:
                return None
            asked[name] = int(value)
        else:
            return None
    if asked.get("server_max_window_bits", _FULL_WINDOW) < _SMALLEST_WINDOW:
        return None
    return asked


def _accept(mode: Mode, asked: dict[str, int]) -> Agreement:
    out_bits = min(mode.window_bits, asked.get("server_max_window_bits", _FULL_WINDOW))
    out_takeover = mode.takeover and "server_no_context_takeover" not in asked
    in_bits = _FULL_WINDOW
    if "client_max_window_bits" in asked:
        in_bits = min(mode.window_bits, asked["client_max_window_bits"] or _FULL_WINDOW)
        if in_bits < _SMALLEST_WINDOW:  # a hint we are free to ignore
            in_bits = _FULL_WINDOW
    in_takeover = mode.takeover and "client_no_context_takeover" not in asked
    response = "permessage-deflate"
    if not out_takeover:
        response += "; server_no_context_takeover"
    if out_bits != _FULL_WINDOW or "server_max_window_bits" in asked:
        response += f"; server_max_window_bits={out_bits}"
    if not in_takeover:
        response += "; client_no_context_takeover"
    if in_bits != _FULL_WINDOW:
        response += f"; client_max_window_bits={in_bits}"
    return Agreement(out_bits, out_takeover, in_bits, in_takeover, response.encode("ascii"))


@implementer(IFraming)
class DeflateFraming:
    """Compresses each message on its own; shared by all connections with this window that one `Turn` flushes."""

    __slots__ = ("_bits", "_level", "_threshold", "push_all", "settle")

    def __init__(self, bits: int, mode: Mode, turn: Turn) -> None:
        self.push_all = turn.broadcast
        self.settle = turn.settle
        self._bits = bits
        self._level = mode.level
        self._threshold = mode.threshold

    def frame(self, text: bytes) -> bytes:
        """One compressed frame, or a plain one where that is the shorter."""
        if len(text) < self._threshold:
            return text_frame(text)
        squeezed = _deflate(_compressor(self._level, self._bits), text)
        return frame(DEFLATED_TEXT, squeezed) if len(squeezed) < len(text) else text_frame(text)


class DeflateStream:
    """One connection's compressor. Every frame it makes must be sent, in order: later ones refer to it."""

    __slots__ = ("_compressor", "_threshold")

    def __init__(self, bits: int, mode: Mode) -> None:
        self._compressor = _compressor(mode.level, bits)
        self._threshold = mode.threshold

    def frame(self, text: bytes) -> bytes:
        if len(text) < self._threshold:
            return text_frame(text)
        return frame(DEFLATED_TEXT, _deflate(self._compressor, text))


@implementer(IFraming)
class _AsText:
    """The framing of sinks that frame for themselves, because what they drop must not have been compressed."""

    __slots__ = ()

    def frame(self, text: bytes) -> bytes:
        return text

    def push_all(self, sinks: tuple[ISink, ...], frame: bytes) -> None:
        for sink in sinks:
            sink.push(frame)

    def settle(self) -> None:
        """Nothing is owed."""


AS_TEXT = _AsText()


class Inflater(PerMessageDeflate):
    """Reads what the client compressed; between messages that refer to nothing before them it keeps no window."""

    def __init__(self, agreement: Agreement) -> None:
        super().__init__(
            is_server=True,
            server_no_context_takeover=not agreement.out_takeover,
            client_no_context_takeover=not agreement.in_takeover,
            server_max_window_bits=agreement.out_bits,
            client_max_window_bits=agreement.in_bits,
            mem_level=0,
        )

    def end_decompress_message(self) -> None:
        super().end_decompress_message()
        if self.client_no_context_takeover:
            self._decompressor = None  # up to 40 KiB


def _compressor(level: int, bits: int) -> zlib._Compress:
    # A new one for each message: a copy of a prepared one takes longer [measured]. Of its memory all but the window,
    # 128 KiB at zlib's usual level for any window, is in proportion to the window.
    return zlib.compressobj(level, zlib.DEFLATED, -bits, bits - 7)


def _deflate(compressor: zlib._Compress, text: bytes) -> bytes:
    data = compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(_SYNC_TAIL)
