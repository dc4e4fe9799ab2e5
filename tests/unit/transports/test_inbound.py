"""Whole texts: what is read without Autobahn, and that it makes no difference to anybody."""

from __future__ import annotations

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import masked
from sockudo_tx.transports.handshake import Upgrade
from sockudo_tx.transports.inbound import LONGEST, whole_text
from sockudo_tx.transports.settings import WebSocketSettings
from sockudo_tx.transports.turn import Turn
from sockudo_tx.transports.websocket import WebSocketFactory

from .recorder import Recorder

TEXT, BINARY = 1, 2


class WholeTextTests(SynchronousTestCase):
    """`whole_text`"""

    def test_lengths(self) -> None:
        """A text of any length up to the longest, with what comes behind it left alone."""
        for size in (0, 1, 2, 3, 4, 5, 125, 126, 127, 128, 1000, LONGEST):
            text = b"x" * (size - size % 2) + b"y" * (size % 2)
            frame = masked(TEXT, text)
            for before in (b"", b"\x81\x80"):
                found = whole_text(before + frame + b"\x81", len(before), LONGEST)
                self.assertEqual(found, (text, len(before + frame)), size)

    def test_left_to_autobahn(self) -> None:
        """Everything that is not a whole valid text."""
        good = masked(TEXT, b"text")
        long = masked(TEXT, b"x" * 200)
        for data in (
            b"",
            good[:1],
            good[:5],
            good[:-1],
            long[:3],
            long[:7],
            long[:-1],
            masked(BINARY, b"text"),
            masked(0, b"text"),
            masked(8, b""),
            masked(9, b""),
            bytes((good[0] & 0x7F,)) + good[1:],
            bytes((good[0] | 0x40,)) + good[1:],
            bytes((good[0], good[1] & 0x7F)) + good[2:],
            b"\x81\xfe" + struct.pack("!H", 125) + bytes(4 + 125),
            b"\x81\xff" + struct.pack("!Q", 4) + bytes(4 + 4),
            masked(TEXT, b"x" * (LONGEST + 1)),
            masked(TEXT, b"\xff"),
            masked(TEXT, b"\xed\xa0\x80"),
            masked(TEXT, "é".encode()[:1]),
        ):
            self.assertIsNone(whole_text(data, 0, LONGEST), data)

    def test_limit(self) -> None:
        """A text longer than the limits allow is left to be refused."""
        self.assertIsNotNone(whole_text(masked(TEXT, b"x" * 10), 0, 10))
        self.assertIsNone(whole_text(masked(TEXT, b"x" * 11), 0, 10))


PAYLOADS = st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode))
FRAMES = st.builds(
    lambda opcode, payload, first: bytes((first or (0x80 | opcode),)) + masked(opcode, payload)[1:],
    st.sampled_from([TEXT, TEXT, TEXT, BINARY, 0, 9, 10, 8]),
    PAYLOADS,
    st.one_of(st.none(), st.none(), st.none(), st.sampled_from([0x01, 0xC1, 0x80, 0x83])),
)


class SameTests(SynchronousTestCase):
    """A connection that reads whole texts, beside one that leaves them all to Autobahn"""

    def told(self, chunks: list[bytes], *, whole: bool) -> tuple[list[object], bytes, bool]:
        """What the engine is told, what the client is told, and whether the connection is still there."""
        engine, turns = Recorder(), []  # type: ignore[var-annotated]
        settings = WebSocketSettings(max_message_size=250, max_frame_size=200)
        factory = WebSocketFactory(engine, settings, Clock(), Turn(turns.append))  # type: ignore[arg-type]  # a stand-in
        if not whole:
            factory.longest_whole = -1
        protocol, transport = factory.protocol(factory), StringTransport()
        protocol.open(transport, Upgrade("key", None, b"nonce", None, ""), b"")
        for chunk in chunks:
            protocol.dataReceived(chunk)
            while turns:
                turns.pop(0)()
        return engine.take(), transport.value(), transport.disconnecting

    @given(st.lists(FRAMES, max_size=6), st.lists(st.integers(0, 600), max_size=4))
    def test_same(self, frames: list[bytes], cuts: list[int]) -> None:
        """Whatever a client sends, in whatever pieces: the engine hears the same, and so does the client."""
        data = b"".join(frames)
        edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        chunks = [data[begin:end] for begin, end in pairwise(edges)]
        self.assertEqual(self.told(chunks, whole=True), self.told(chunks, whole=False))
