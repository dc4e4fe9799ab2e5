"""UTF-8 in text messages against the echo, cut at every byte."""

from __future__ import annotations

from .peer import BINARY, CONTINUATION, TEXT, EchoCase, Frame

GOOD = "κόσμε é 漢 🙂 \u0000 \u007f \u0080 \u07ff \u0800 \ud7ff \ue000 \uffff \U00010000 \U0010ffff".encode()
BAD = (
    b"\x80",  # a continuation of nothing
    b"\xc0\xaf",  # overlong
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",  # surrogates
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",  # beyond U+10FFFF
    b"\xf5\x80\x80\x80",
    b"\xfe",
    b"\xff",
    b"\xc3(",  # cut short by something else
    b"\xe2\x82(",
    b"\xf0\x9f\x99(",
)
UNFINISHED = (b"\xc3", b"\xe2", b"\xe2\x82", b"\xf0", b"\xf0\x9f", b"\xf0\x9f\x99")


class Utf8Tests(EchoCase):
    """Text must be UTF-8, wherever frames and packets cut it"""

    async def test_cut_by_fragments(self) -> None:
        """Valid text in two fragments, cut anywhere, comes back."""
        peer = await self.connect()
        for place in range(len(GOOD) + 1):
            peer.send(TEXT, GOOD[:place], fin=False)
            peer.send(CONTINUATION, GOOD[place:])
            self.assertEqual(await peer.take(), Frame(0x81, GOOD))

    async def test_every_byte_a_fragment(self) -> None:
        """Valid text in fragments of one byte comes back."""
        peer = await self.connect()
        peer.send(TEXT, b"", fin=False)
        for byte in GOOD:
            peer.send(CONTINUATION, bytes((byte,)), fin=False)
        peer.send(CONTINUATION, b"")
        self.assertEqual(await peer.take(), Frame(0x81, GOOD))

    async def refused(self, *fragments: bytes) -> None:
        peer = await self.connect()
        for place, fragment in enumerate(fragments):
            peer.send(CONTINUATION if place else TEXT, fragment, fin=place == len(fragments) - 1)
        frame = await peer.take()
        assert frame is not None
        self.assertEqual(frame.code, 1007, fragments)
        peer.close(1007)
        self.assertEqual(await peer.rest(), [])

    async def test_P46_bad(self) -> None:
        """Text that is not UTF-8 is answered with 1007, however it is cut."""
        for bad in BAD:
            text = b"caf\xc3\xa9" + bad + b"x"
            await self.refused(text)
            for place in range(5, len(text)):
                await self.refused(text[:place], text[place:])

    async def test_unfinished(self) -> None:
        """So is text that ends within a character."""
        for end in UNFINISHED:
            await self.refused(b"x" + end)
            await self.refused(b"x", end)
            await self.refused(end, b"")

    async def test_at_once(self) -> None:
        """The fault is told when it is seen, not when the message is complete."""
        peer = await self.connect()
        peer.send(TEXT, b"x\xff", fin=False)
        frame = await peer.take()
        assert frame is not None
        self.assertEqual(frame.code, 1007)

    async def test_binary(self) -> None:
        """Binary messages may hold anything."""
        peer = await self.connect()
        for bad in (*BAD, *UNFINISHED):
            peer.send(BINARY, bad)
            self.assertEqual(await peer.take(), Frame(0x82, bad))

    async def test_state_does_not_leak(self) -> None:
        """A message starts afresh after another, and after a binary one that ends within a character."""
        peer = await self.connect()
        peer.send(BINARY, b"\xe2\x82")
        peer.send(TEXT, "é".encode())
        self.assertEqual([await peer.take(), await peer.take()], [Frame(0x82, b"\xe2\x82"), Frame(0x81, "é".encode())])
