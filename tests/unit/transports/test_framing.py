"""Frames we build, read by somebody else's parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import CLIENT, Connection
from wsproto.events import BytesMessage, TextMessage
from zope.interface.verify import verifyObject

from sockudo_tx.interfaces import IFraming
from sockudo_tx.transports.framing import BINARY, PlainFraming, frame, text_frame
from sockudo_tx.transports.turn import Turn


def parsed(data: bytes) -> list[tuple[type, str | bytes, bool]]:
    """What a client makes of these bytes."""
    client = Connection(CLIENT)
    client.receive_data(data)
    events = []
    for event in client.events():
        assert isinstance(event, TextMessage | BytesMessage)
        events.append((type(event), event.data, event.message_finished))
    return events


class FramingTests(SynchronousTestCase):
    """`PlainFraming` and `frame`"""

    def test_interface(self) -> None:
        """`PlainFraming` is a framing."""
        verifyObject(IFraming, PlainFraming(Turn(lambda flush: None)))

    def test_lengths(self) -> None:
        """At every border of the three length forms a client reads one whole message, in the shortest form."""
        for length, head in ((0, 2), (1, 2), (125, 2), (126, 4), (65535, 4), (65536, 10), (200_000, 10)):
            data = text_frame(b"x" * length)
            self.assertEqual(len(data), head + length)
            self.assertEqual(parsed(data), [(TextMessage, "x" * length, True)])

    def test_binary(self) -> None:
        """Any first byte may be asked for."""
        for length in (0, 125, 126, 65536):
            self.assertEqual(parsed(frame(BINARY, b"\xff" * length)), [(BytesMessage, b"\xff" * length, True)])

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=10))
    def test_texts(self, texts: list[str]) -> None:
        """Joined frames are read as the texts they were made of."""
        data = b"".join(text_frame(text.encode()) for text in texts)
        self.assertEqual([text for _, text, _ in parsed(data)], texts)
