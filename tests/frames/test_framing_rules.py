"""RFC 6455 section 5 against the echo: what is legal comes back, what is not is answered with 1002."""

from __future__ import annotations

from sockudo_tx.testing import masked
from sockudo_tx.transports.port import WebSocketSettings

from .peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, EchoCase, Frame

ECHOED_TEXT, ECHOED_BINARY, PONGED = 0x81, 0x82, 0x8A
SIZES = (0, 1, 125, 126, 127, 128, 65535, 65536, 1_000_000)


def unmasked(first: int, payload: bytes) -> bytes:
    """A short frame without a mask."""
    return bytes((first, len(payload))) + payload


class LegalTests(EchoCase):
    """What must work"""

    async def test_sizes(self) -> None:
        """Messages of every length form come back, text and binary, in order."""
        peer = await self.connect()
        for size in SIZES:
            peer.send(TEXT, b"x" * size)
            peer.send(BINARY, b"\xff" * size)
        for size in SIZES:
            self.assertEqual(await peer.take(), Frame(ECHOED_TEXT, b"x" * size))
            self.assertEqual(await peer.take(), Frame(ECHOED_BINARY, b"\xff" * size))

    async def test_byte_by_byte(self) -> None:
        """A conversation may arrive in single bytes."""
        peer = await self.connect()
        for byte in masked(TEXT, b"a" * 130) + masked(PING, b"p") + masked(TEXT, b""):
            peer.raw(bytes((byte,)))
        self.assertEqual(
            [await peer.take() for _ in range(3)],
            [Frame(ECHOED_TEXT, b"a" * 130), Frame(PONGED, b"p"), Frame(ECHOED_TEXT, b"")],
        )

    async def test_fragments(self) -> None:
        """Fragments make one message, empty ones included."""
        peer = await self.connect()
        for parts in ((b"a", b"b", b"c"), (b"", b"", b""), (b"", b"x" * 70_000, b""), (b"x", b"")):
            peer.send(TEXT, parts[0], fin=False)
            for part in parts[1:-1]:
                peer.send(CONTINUATION, part, fin=False)
            peer.send(CONTINUATION, parts[-1])
            self.assertEqual(await peer.take(), Frame(ECHOED_TEXT, b"".join(parts)))

    async def test_control_between_fragments(self) -> None:
        """A Ping between fragments is answered before the message is complete."""
        peer = await self.connect()
        peer.send(TEXT, b"a", fin=False)
        peer.send(PING, b"now")
        self.assertEqual(await peer.take(), Frame(PONGED, b"now"))
        peer.send(PONG, b"whatever")
        peer.send(CONTINUATION, b"b")
        self.assertEqual(await peer.take(), Frame(ECHOED_TEXT, b"ab"))

    async def test_pings(self) -> None:
        """Pings of every legal length are answered with their payload, in order."""
        peer = await self.connect()
        for size in range(126):
            peer.send(PING, b"\xfe" * size)
        for size in range(126):
            self.assertEqual(await peer.take(), Frame(PONGED, b"\xfe" * size))

    async def test_pongs(self) -> None:
        """Pongs nobody asked for are no fault; like Pings they are signs of life."""
        peer = await self.connect()
        for payload in (b"", b"x" * 125):
            peer.send(PONG, payload)
        peer.send(PING)
        self.assertEqual(await peer.take(), Frame(PONGED, b""))
        self.assertEqual(self.engine.signs_of_life, 3)

    async def test_any_mask(self) -> None:
        """Any mask will do, the null mask included."""
        peer = await self.connect()
        for mask in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"):
            body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(b"hello"))
            peer.raw(b"\x81\x85" + mask + body)
            self.assertEqual(await peer.take(), Frame(ECHOED_TEXT, b"hello"))

    async def test_with_the_request(self) -> None:
        """Frames in the packet of the upgrade request are not lost."""
        peer = await self.connect(rest=masked(TEXT, b"early") + masked(PING, b"bird"))
        self.assertEqual([await peer.take(), await peer.take()], [Frame(ECHOED_TEXT, b"early"), Frame(PONGED, b"bird")])


class IllegalTests(EchoCase):
    """What must not: Close 1002, and nothing after it"""

    async def refuse(self, *frames: bytes, code: int = 1002, echoes: int = 0) -> None:
        """Sending these frames ends in a Close frame with this code, after so many echoes, and no reset."""
        peer = await self.connect()
        for frame in frames:
            peer.raw(frame)
        for _ in range(echoes):
            frame_ = await peer.take()
            assert frame_ is not None
            self.assertNotEqual(frame_.first & 0x0F, CLOSE)
        last = await peer.take()
        assert last is not None, frames
        self.assertEqual(last.code, code, frames)
        peer.close(code)
        self.assertEqual(await peer.rest(), [])

    async def test_unmasked(self) -> None:
        """An unmasked client frame, data or control."""
        for first in (0x81, 0x82, 0x89, 0x8A):
            await self.refuse(unmasked(first, b"text"))
        await self.refuse(masked(TEXT, b"fine"), unmasked(0x81, b""), echoes=1)

    async def test_reserved_bits(self) -> None:
        """A reserved bit without the extension that means something by it."""
        for bits in (0x10, 0x20, 0x40, 0x70):
            for opcode in (TEXT, BINARY, PING, CLOSE):
                await self.refuse(masked(opcode | bits, b""))
        await self.refuse(masked(TEXT, b"a", fin=False), masked(CONTINUATION | 0x40, b"b"))

    async def test_reserved_opcodes(self) -> None:
        """An opcode that means nothing."""
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            await self.refuse(masked(opcode, b""))
            await self.refuse(masked(TEXT, b"fine"), masked(opcode, b"payload"), masked(PING, b""), echoes=1)

    async def test_long_control_frames(self) -> None:
        """A control frame of more than 125 bytes."""
        for opcode in (PING, PONG, CLOSE):
            await self.refuse(masked(opcode, b"x" * 126))

    async def test_fragmented_control_frames(self) -> None:
        """A control frame in fragments."""
        for opcode in (PING, PONG):
            await self.refuse(masked(opcode, b"x", fin=False), masked(CONTINUATION, b"y"))

    async def test_nothing_to_continue(self) -> None:
        """A continuation of nothing, at the start or after a finished message."""
        for fin in (True, False):
            await self.refuse(masked(CONTINUATION, b"x", fin=fin))
        await self.refuse(masked(TEXT, b"a"), masked(CONTINUATION, b"b"), echoes=1)

    async def test_message_within_a_message(self) -> None:
        """A new message before the last fragment of another."""
        for opcode in (TEXT, BINARY):
            await self.refuse(masked(TEXT, b"a", fin=False), masked(opcode, b"b"))

    async def test_longer_length_than_needed(self) -> None:
        """A length that is not in its shortest form, or has the highest bit."""
        await self.refuse(b"\x81\xfe\x00\x05" + b"\0\0\0\0" + b"hello")
        await self.refuse(b"\x81\xff" + (5).to_bytes(8, "big") + b"\0\0\0\0" + b"hello")
        peer = await self.connect()
        peer.raw(b"\x81\xff" + (1 << 63).to_bytes(8, "big") + b"\0\0\0\0")
        last = await peer.take()
        assert last is not None
        self.assertEqual(last.code, 1002)

    async def test_others_unharmed(self) -> None:
        """A connection that misbehaves does not touch its neighbour."""
        neighbour = await self.connect()
        await self.refuse(unmasked(0x81, b"text"))
        neighbour.send(TEXT, b"still here")
        self.assertEqual(await neighbour.take(), Frame(ECHOED_TEXT, b"still here"))


class LimitTests(EchoCase):
    """Messages and frames that are too big: 1009, as soon as it can be known"""

    settings = WebSocketSettings(max_message_size=100_000, max_frame_size=70_000)

    async def test_within(self) -> None:
        """Exactly the limits are fine."""
        peer = await self.connect()
        peer.send(TEXT, b"x" * 70_000, fin=False)
        peer.send(CONTINUATION, b"y" * 30_000)
        self.assertEqual(await peer.take(), Frame(ECHOED_TEXT, b"x" * 70_000 + b"y" * 30_000))

    async def test_P47_beyond(self) -> None:
        """A frame that announces too much is refused before it was sent, and so is the fragment too many."""
        head = masked(TEXT, b"x" * 70_001)[:14]
        huge = b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0"
        for frames in (
            (head,),
            (huge,),
            (masked(TEXT, b"x" * 60_000, fin=False), masked(CONTINUATION, b"y" * 40_001)[:8]),
        ):
            peer = await self.connect()
            for frame in frames:
                peer.raw(frame)
            last = await peer.take()
            assert last is not None
            self.assertEqual(last.code, 1009)

    async def test_sent_to_the_end(self) -> None:
        """A client that sends its big message to the end before it reads still finds the Close frame."""
        peer = await self.connect()
        peer.send(BINARY, b"x" * 3_000_000)
        last = await peer.take()
        assert last is not None
        self.assertEqual(last.code, 1009)
        peer.close(1009)
        self.assertEqual(await peer.rest(), [])
