"""permessage-deflate as sinks see it."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.errors import slow_consumer
from sockudo_tx.protocol.messages import error as error_text
from sockudo_tx.testing import MemoryServer, masked
from sockudo_tx.transports.framing import text_frame
from sockudo_tx.transports.handshake import Upgrade
from sockudo_tx.transports.settings import WebSocketSettings
from sockudo_tx.transports.sink import PING_PAYLOAD, StreamSink
from sockudo_tx.transports.turn import Turn
from sockudo_tx.transports.websocket import WebSocketFactory

from .recorder import Recorder

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
UPGRADE = Upgrade("key", "https://a.com", b"dGhlIHNhbXBsZSBub25jZQ==", None, "")


class CompressionTests(SynchronousTestCase):
    """permessage-deflate as sinks see it; `tests/frames` covers the bytes"""

    def setUp(self) -> None:
        self.engine = Recorder()

    def connect(self, factory: WebSocketFactory, offer: str = "permessage-deflate") -> tuple[Any, StringTransport]:
        """A connection with these extensions offered, and its transport, which has forgotten the 101."""
        transport = StringTransport()
        factory.protocol(factory).open(transport, UPGRADE._replace(extensions=offer), b"")
        self.engine.clock.advance(0)
        transport.clear()
        return self.engine.sink, transport

    def factory(self, **settings: Any) -> WebSocketFactory:
        clock = self.engine.clock
        turn = Turn(lambda flush: clock.callLater(0, flush))
        return WebSocketFactory(self.engine, WebSocketSettings(**settings), clock, turn)  # type: ignore[arg-type]  # a stand-in

    def test_one_compression_for_all(self) -> None:
        """Connections without takeover share a framing for each window they agreed on."""
        factory = self.factory(compression="shared")
        first, again, other = (
            self.connect(factory, offer)[0].framing
            for offer in (
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate; server_max_window_bits=10",
            )
        )
        self.assertIs(first, again)
        self.assertIsNot(first, other)

    def test_compressed_once(self) -> None:
        """One event is compressed once for each window that subscribers without takeover agreed on, however many."""
        server = MemoryServer(websocket=WebSocketSettings(compression="shared"))
        made: list[int] = []
        compressor = zlib.compressobj

        def counting(level: int, method: int, bits: int, memory: int) -> Any:
            made.append(-bits)
            return compressor(level, method, bits, memory)

        self.patch(zlib, "compressobj", counting)
        heard: list[bytes] = []
        for bits in (15, 10):
            for _ in range(20):
                wire = server.open(heard.append, lambda: None)
                wire.feed(
                    b"GET /app/key HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=%d\r\n\r\n" % bits
                )
                wire.feed(masked(TEXT, b'{"event":"pusher:subscribe","data":{"channel":"news"}}'))
            server.pump()
            for number in range(3):
                made.clear()
                heard.clear()
                server.publish("news", "event", f"some text, and some more text {number}")
                self.assertEqual(made, [15] if bits == 15 else [15, 10])
                self.assertEqual([data[0] for data in heard], [0xC1] * 20 * len(made))

    def test_no_window_kept(self) -> None:
        """Without takeover, what decompresses a client's message goes with the message; with it, it stays."""
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        payload = deflate.compress(b"some text") + deflate.flush(zlib.Z_SYNC_FLUSH)
        frame = bytearray(masked(TEXT, payload.removesuffix(b"\x00\x00\xff\xff")))
        frame[0] |= 0x40
        for compression, kept in (("shared", False), ("dedicated", True)):
            sink, _ = self.connect(self.factory(compression=compression))
            for _ in range(2):
                self.engine.take()
                sink._connection.dataReceived(bytes(frame))
                self.assertEqual(self.engine.take(), [("hear", b"some text", False)])
                self.assertEqual(sink._connection._perMessageCompress._decompressor is not None, kept)
                if kept:
                    break

    def test_client_without_takeover(self) -> None:
        """A client that wants no takeover is given a shared framing in a mode that has it."""
        factory = self.factory(compression="dedicated")
        self.assertIsInstance(self.connect(factory)[0], StreamSink)
        sink, _ = self.connect(factory, "permessage-deflate; server_no_context_takeover")
        self.assertNotIsInstance(sink, StreamSink)

    def test_dropped_is_not_compressed(self) -> None:
        """With takeover, dropping events does not disturb the stream: what arrives can be read."""
        sink, transport = self.connect(self.factory(compression="dedicated", max_messages=3))
        texts = [f"some event number {number} with some text".encode() for number in range(10)]
        reply = b"a reply that is never dropped"
        sink.pauseProducing()
        for text in texts[:5]:
            sink.push(sink.framing.frame(text))
        sink.push_control(sink.framing.frame(reply))
        sink.resumeProducing()
        sink.push(sink.framing.frame(texts[9]))
        self.engine.clock.advance(0)
        self.assertEqual(inflated(transport.value()), [*texts[:3], reply, texts[9]])

    def test_slow(self) -> None:
        """With takeover, too, a client that is too slow can read why it has to go."""
        factory = self.factory(compression="dedicated", max_messages=3, disconnect_on_buffer_full=True)
        sink, transport = self.connect(factory)
        sink.pauseProducing()
        for _ in range(4):
            sink.push(b"an event of some length, to be compressed")
        sink.push(b"late")
        sink.push_control(b"late")
        sink.resumeProducing()
        fault = slow_consumer("message limit: 3")
        farewell = struct.pack("!H", fault.code) + fault.text.encode()
        self.assertEqual(
            transport.value(),
            text_frame(error_text(fault).encode()) + bytes((0x88, len(farewell))) + farewell,
        )

    def test_pongs_are_not_compressed(self) -> None:
        """Control frames go out as they are."""
        sink, transport = self.connect(self.factory(compression="dedicated"))
        sink.ping()
        sink._connection.dataReceived(masked(PING, b"x" * 50))
        self.engine.clock.advance(0)
        self.assertEqual(transport.value(), b"\x89\x06" + PING_PAYLOAD + b"\x8a\x32" + b"x" * 50)


def inflated(data: bytes) -> list[bytes]:
    """The messages of a stream of short frames, decompressed with one window."""
    reader = zlib.decompressobj(-15)
    found = []
    while data:
        length = data[1]
        payload, compressed = data[2 : 2 + length], data[0] == 0xC1
        found.append(reader.decompress(payload + b"\x00\x00\xff\xff") if compressed else payload)
        data = data[2 + length :]
    return found
