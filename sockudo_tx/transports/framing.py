"""Server-to-client WebSocket frames, finished once and shared by every connection that takes them.

Source: RFC 6455 5.2.
"""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import IFraming
from .turn import Turn

__all__ = ["BINARY", "DEFLATED_TEXT", "PING", "TEXT", "PlainFraming", "frame", "text_frame"]

# First byte of a frame: FIN, and RSV1 for a compressed message, with the opcode (RFC 6455 5.2, RFC 7692 6).
TEXT = 0x81
BINARY = 0x82
PING = 0x89
DEFLATED_TEXT = 0xC1

_SHORT = tuple(bytes((TEXT, length)) for length in range(126))


def frame(first: int, payload: bytes) -> bytes:
    """An unmasked frame that starts with the byte `first`; its length in the shortest of the three forms."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload


def text_frame(text: bytes) -> bytes:
    """`text`, which is UTF-8, as one uncompressed frame."""
    return _SHORT[len(text)] + text if len(text) < 126 else frame(TEXT, text)


@implementer(IFraming)
class PlainFraming:
    """Uncompressed frames, for outboxes that are flushed by one `Turn`."""

    __slots__ = ("push_all", "settle")

    def __init__(self, turn: Turn) -> None:
        self.push_all = turn.broadcast
        self.settle = turn.settle

    frame = staticmethod(text_frame)
