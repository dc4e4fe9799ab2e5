"""RFC 6455 from the client's side, as little as it takes: splitting what a server sends, and frames of our own."""

from __future__ import annotations

import zlib

__all__ = ["CLOSE", "FINAL_TEXT", "PING", "PONG", "TEXT", "Frame", "FrameError", "Messages", "client_frame", "split"]

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
FINAL_TEXT = 0x81
"""First byte of the frame nearly all frames are: one whole text, not compressed."""
_CONTINUATION = 0
_FINAL, _COMPRESSED = 0x80, 0x40

Frame = tuple[int, bytes]
"""First byte and payload."""
_Placed = tuple[int, bytes, int]
"""First byte, payload, and where the frame ends in what it was read from."""


class FrameError(ValueError):
    """What a server must not send."""


def split(data: bytes) -> tuple[list[_Placed], bytes]:
    """The whole frames at the start of the data, and what is left. Raises FrameError for a masked one."""
    frames: list[_Placed] = []
    start, end = 0, len(data)
    while end - start >= 2:
        size = data[start + 1]
        begin = start + 2
        if size >= 126:
            if size > 127:
                raise FrameError("the server sent a masked frame")
            begin += 2 if size == 126 else 8
            if begin > end:
                break
            size = int.from_bytes(data[start + 2 : begin], "big")
        stop = begin + size
        if stop > end:
            break
        frames.append((data[start], data[begin:stop], stop))
        start = stop
    return frames, data[start:]


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame; the mask is zero, so that the payload stays as it is."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65536:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return bytes((0x80 | opcode,)) + length + b"\0\0\0\0" + payload


class Messages:
    """What a single connection needs for messages that are not one plain frame: fragments, and inflating."""

    __slots__ = ("_inflater", "_keep", "_parts", "_wbits")

    def __init__(self, wbits: int | None = None, *, takeover: bool = True) -> None:
        self._wbits = wbits
        """Of the server's window; None without permessage-deflate."""
        self._keep = takeover
        self._inflater = None if wbits is None else zlib.decompressobj(-wbits)
        self._parts: list[Frame] = []

    @property
    def compressed(self) -> bool:
        """Whether messages may be."""
        return self._wbits is not None

    def whole(self, first: int, payload: bytes) -> bytes | None:
        """The message that this data frame completes, None when more of it is to come. Raises FrameError."""
        if (first & 15 == _CONTINUATION) != bool(self._parts):
            raise FrameError("the server began a message inside another one, or continued none")
        if self._parts or not first & _FINAL:
            self._parts.append((first, payload))
            if not first & _FINAL:
                return None
            first, payload = self._parts[0][0], b"".join([part for _, part in self._parts])
            self._parts = []
        return self._inflated(payload) if first & _COMPRESSED else payload

    def _inflated(self, payload: bytes) -> bytes:
        if self._inflater is None or self._wbits is None:
            raise FrameError("the server sent a compressed message without having agreed to")
        try:
            text = self._inflater.decompress(payload + b"\0\0\xff\xff")
        except zlib.error as error:
            raise FrameError(f"a compressed message that cannot be inflated: {error}") from None
        if not self._keep:
            self._inflater = zlib.decompressobj(-self._wbits)
        return text
