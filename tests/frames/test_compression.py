"""permessage-deflate against the echo: every mode, read and written by somebody else's implementation."""

from __future__ import annotations

import random
import zlib

from wsproto.connection import CLIENT, Connection
from wsproto.events import Message
from wsproto.extensions import PerMessageDeflate

from sockudo_tx.testing import masked
from sockudo_tx.transports.port import WebSocketSettings

from .peer import CONTINUATION, PING, TEXT, EchoCase, Frame, Peer

MODES = (
    "dedicated",
    "shared",
    "window256b",
    "window1kb",
    "window2kb",
    "window4kb",
    "window8kb",
    "window16kb",
    "window32kb",
)
RSV1 = 0x40
OFFER = "Sec-WebSocket-Extensions: permessage-deflate"


def texts() -> list[str]:
    """Messages that repeat themselves near and far, and some that do not compress."""
    source = random.Random(7)
    words = ["price", "volume", "channel", "é", "🙂", '{"event":"tick",', "0.0"]
    found = ["", "a", "x" * 15, "x" * 16, "x" * 128]
    for size in (10, 100, 1000, 10_000):
        found.append(" ".join(source.choice(words) for _ in range(size)))
        found.append("".join(chr(source.randrange(32, 127)) for _ in range(size)))
    return found + found


class ModeTests(EchoCase):
    """Every mode"""

    async def converse(self, extension: PerMessageDeflate) -> tuple[Peer, int]:
        """Echo all texts with a wsproto client; the connection, and how many echoes came compressed."""
        offer = extension.offer()
        peer = await self.connect(f"Sec-WebSocket-Extensions: permessage-deflate; {offer}".rstrip("; "))
        (answer,) = [line for line in peer.answer.decode().split("\r\n") if line.startswith("Sec-WebSocket-Ext")]
        extension.finalize(answer.partition(": ")[2])
        client = Connection(CLIENT, [extension])
        compressed = 0
        for text in texts():
            peer.raw(client.send(Message(data=text)))
            frame = await peer.take()
            assert frame is not None
            compressed += bool(frame.first & RSV1)
            length = len(frame.payload)
            head = (
                bytes((frame.first, length)) if length < 126 else bytes((frame.first, 127)) + length.to_bytes(8, "big")
            )
            if 126 <= length < 65536:
                head = bytes((frame.first, 126)) + length.to_bytes(2, "big")
            client.receive_data(head + frame.payload)
            self.assertEqual([event.data for event in client.events()], [text])  # type: ignore[attr-defined]  # text messages all
        return peer, compressed

    async def test_modes(self) -> None:
        """In every mode everything comes back, long messages compressed."""
        for mode in MODES:
            self.listen(WebSocketSettings(compression=mode))
            for extension in (
                PerMessageDeflate(),
                PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True),
                PerMessageDeflate(server_max_window_bits=9),
                PerMessageDeflate(client_max_window_bits=9, server_max_window_bits=12),
            ):
                _, compressed = await self.converse(extension)
                self.assertGreater(compressed, 8, mode)

    async def test_two_clients(self) -> None:
        """Clients of one port with different agreements do not disturb each other."""
        for mode in ("shared", "dedicated"):
            self.listen(WebSocketSettings(compression=mode))
            for extension in (PerMessageDeflate(), PerMessageDeflate(server_max_window_bits=10), PerMessageDeflate()):
                await self.converse(extension)

    async def test_not_offered(self) -> None:
        """A client that offers nothing gets plain frames."""
        self.listen(WebSocketSettings(compression="shared"))
        peer = await self.connect()
        self.assertNotIn(b"Extensions", peer.answer)
        peer.send(TEXT, b"x" * 1000)
        self.assertEqual(await peer.take(), Frame(0x81, b"x" * 1000))

    async def test_P16_disabled(self) -> None:
        """Nothing is agreed on while compression is disabled."""
        peer = await self.connect(OFFER)
        self.assertNotIn(b"Extensions", peer.answer)


class BadCompressionTests(EchoCase):
    """Compressed messages that are not what they seem"""

    settings = WebSocketSettings(compression="dedicated", max_message_size=100_000)

    async def refuse(self, code: int, *frames: bytes) -> None:
        peer = await self.connect(OFFER)
        for frame in frames:
            peer.raw(frame)
        last = await peer.take()
        assert last is not None
        self.assertEqual(last.code, code)

    async def test_garbage(self) -> None:
        """What cannot be decompressed is 1007."""
        await self.refuse(1007, masked(TEXT | RSV1, b"\xff\xff\xff\xff\xff"))

    async def test_bomb(self) -> None:
        """The limit holds for what comes out: a small frame that inflates beyond it is 1009."""
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = deflater.compress(b"x" * 50_000_000) + deflater.flush(zlib.Z_SYNC_FLUSH)
        self.assertLess(len(bomb), 100_000)
        await self.refuse(1009, masked(TEXT | RSV1, bomb[:-4]))
        half = len(bomb) // 2
        await self.refuse(1009, masked(TEXT | RSV1, bomb[:half], fin=False), masked(CONTINUATION, bomb[half:-4]))

    async def test_reserved_bits(self) -> None:
        """The bit belongs to the first frame of a message, and the other two stay reserved."""
        await self.refuse(1002, masked(TEXT, b"a", fin=False), masked(CONTINUATION | RSV1, b"b"))
        await self.refuse(1002, masked(PING | RSV1, b""))
        for bits in (0x10, 0x20, 0x50, 0x60, 0x70):
            await self.refuse(1002, masked(TEXT | bits, b""))

    async def test_bad_text(self) -> None:
        """Text is UTF-8 after decompression, or 1007."""
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = deflater.compress(b"caf\xc3(") + deflater.flush(zlib.Z_SYNC_FLUSH)
        await self.refuse(1007, masked(TEXT | RSV1, data[:-4]))

    async def test_plain_in_between(self) -> None:
        """A client may leave messages uncompressed."""
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        peer = await self.connect(OFFER)
        for text in (b"short one", b"short two"):
            data = deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)
            peer.send(TEXT | RSV1, data[:-4])
            peer.send(TEXT, b"plain")
            self.assertEqual([await peer.take(), await peer.take()], [Frame(0x81, text), Frame(0x81, b"plain")])

    async def test_fragments(self) -> None:
        """A compressed message may come in fragments, cut anywhere, with control frames in between."""
        text = bytes(range(97, 123)) * 3
        for place in range(0, 30, 3):
            deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
            data = (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
            peer = await self.connect(OFFER + "; server_no_context_takeover")
            peer.send(TEXT | RSV1, data[:place], fin=False)
            peer.send(PING, b"p")
            peer.send(CONTINUATION, data[place:])
            self.assertEqual(await peer.take(), Frame(0x8A, b"p"))
            frame = await peer.take()
            assert frame is not None
            self.assertEqual(zlib.decompressobj(-15).decompress(frame.payload), text)
