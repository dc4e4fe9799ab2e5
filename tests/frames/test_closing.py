"""RFC 6455 section 7 against the echo: codes, reasons, and what comes after."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone

from sockudo_tx.transports.port import WebSocketSettings

from .peer import CLOSE, PING, TEXT, EchoCase, Frame

VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
INVALID = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


class ClosingTests(EchoCase):
    """The client closes"""

    async def test_valid_codes(self) -> None:
        """A valid code comes back, with its reason, and the connection ends without a reset."""
        for code in VALID:
            for reason in (b"", b"reason", "é".encode() * 61 + b"x"):
                peer = await self.connect()
                peer.close(code, reason)
                self.assertEqual(await peer.rest(), [Frame(0x88, code.to_bytes(2, "big") + reason)])
                assert peer.lost is not None
                peer.lost.trap(ConnectionDone)

    async def test_without_code(self) -> None:
        """An empty Close is answered with an empty one."""
        peer = await self.connect()
        peer.close(None)
        self.assertEqual(await peer.rest(), [Frame(0x88, b"")])

    async def test_invalid_codes(self) -> None:
        """A code nobody may send is a protocol error."""
        for code in INVALID:
            peer = await self.connect()
            peer.close(code)
            self.assertEqual([frame.code for frame in await peer.rest()], [1002])

    async def test_half_a_code(self) -> None:
        """So is a Close with one byte."""
        peer = await self.connect()
        peer.send(CLOSE, b"\x03")
        self.assertEqual([frame.code for frame in await peer.rest()], [1002])

    async def test_bad_reason(self) -> None:
        """A reason that is not UTF-8 is answered with 1007."""
        for reason in (b"\xff", b"ok\xc3", b"\xed\xa0\x80"):
            peer = await self.connect()
            peer.close(1000, reason)
            self.assertEqual([frame.code for frame in await peer.rest()], [1007])

    async def test_nothing_after(self) -> None:
        """What comes before a Close is answered, what comes after it is not."""
        peer = await self.connect()
        peer.send(TEXT, b"before")
        peer.close(1000)
        peer.send(TEXT, b"after")
        peer.send(PING)
        self.assertEqual(await peer.rest(), [Frame(0x81, b"before"), Frame(0x88, b"\x03\xe8")])

    async def test_within_a_message(self) -> None:
        """A Close between fragments ends it all; the message is not heard."""
        peer = await self.connect()
        peer.send(TEXT, b"half", fin=False)
        peer.close(1000)
        self.assertEqual(await peer.rest(), [Frame(0x88, b"\x03\xe8")])

    async def test_cut(self) -> None:
        """A connection that ends without a Close is cleaned up."""
        for part in (b"", b"\x81", b"\x81\x85\0\0\0\0he"):
            peer = await self.connect()
            peer.raw(part)
            self.assertEqual(len(self.engine.sinks), 1)
            await self._finish()


class OurClosingTests(EchoCase):
    """We close"""

    settings = WebSocketSettings(close_timeout=0.2)

    async def test_unanswered(self) -> None:
        """A client that does not answer our Close frame is dropped."""
        peer = await self.connect()
        peer.raw(b"\x81\x00")  # not masked
        self.assertEqual([frame.code for frame in await peer.rest()], [1002])
