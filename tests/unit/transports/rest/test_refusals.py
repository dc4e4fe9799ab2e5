"""HTTP that is refused: what is no HTTP/1.1, and what is too much of it. One answer, and nothing after it."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from sockudo_tx.transports.rest.channel import PIECE
from sockudo_tx.transports.rest.site import RestSettings
from sockudo_tx.transports.settings import ListenerSettings
from tests.http.case import HttpCase, RawConnection

UP = b"GET /up HTTP/1.1\r\n\r\n"


class RefusalTests(HttpCase):
    """Requests that are no HTTP/1.1"""

    def test_malformed(self) -> None:
        """Each gets one 400 in JSON and the end of the connection; a request behind it is not served."""
        chunked = b"POST /apps/app-id/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        for data in (
            b"GET /up\r\n\r\n",
            b"GET  /up HTTP/1.1\r\n\r\n",
            b"GET /up HTTP/2.0\r\n\r\n",
            b"G@T /up HTTP/1.1\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n\r\n",
            b"GET /up HTTP/1.1\r\nno colon\r\nHost: x\r\n\r\n",
            b"GET /up HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
            b"GET /up HTTP/1.1\r\nbad name: x\r\n\r\n",
            b"GET /up HTTP/1.1\r\nX: \x00\r\n\r\n",
            b"POST /up HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /up HTTP/1.1\r\nContent-Length: 1.0\r\n\r\n",
            b"POST /up HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"POST /up HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            b"POST /up HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            b"POST /up HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"POST /up HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx",
            chunked + b"zz\r\n",
            chunked + b"-1\r\n",
            chunked + b"1\r\nxyz",
            chunked + b"f" * 2000,
            b"POST /up HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET /up HTTP/1.1\nHost: x\n\n",
            b"GET /up HTTP/1.1\r\nHost: x\n\n",
            b"GET /app/key HTTP/1.1\nHost: x\n\n",
            b"GET /up HTTP/1.1\r\nX: a\nY: b\r\n\r\n",
            b"GET /up HTTP/1.1\r\nX: a\rY: b\r\n\r\n",
            b"GET /up HTTP/1.1\r\n folded: x\r\n\r\n",
            b"GET /up HTTP/1.1\r\nX : y\r\n\r\n",
            b"GET /up HTTP/1.1\r\n: y\r\n\r\n",
            b"GET /up\x00 HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\r\n\r\n\r\n",
            b"\x16\x03\x01\x00\xa5\x01\x00\x00\r\n",
            chunked + b"1;" + b"x" * 1030 + b"\r\nx\r\n",
            chunked + b"1;a=\x00\r\nx\r\n",
            chunked + b"1\nx\n0\n\n" + b" " * 1024,
            chunked + (b"1;" + b"x" * 1000 + b"\r\nx\r\n") * 70,
            chunked + b"0\r\n" + b"Trailer: x\r\n" * 6000,
            chunked + b"0\r\nTrailer: " + b"x" * 70000,
        ):
            connection = RawConnection(self.server).send(data + UP)
            answers = connection.take()
            self.assertEqual(len(answers), 1, data)
            (answer,) = answers
            self.assertRefused(answer, 400, "invalid_input")
            self.assertEqual(answer.headers["connection"], "close", data)
            self.assertTrue(connection.ended, data)

    def test_hosts(self) -> None:
        """Two hosts are refused, also when they are one; none, as health checks of HAProxy have it, is good."""
        upgrade = (
            b"GET /app/app-key HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        for data in (UP, UP.replace(b"1.1", b"1.0"), upgrade, b"GET /up HTTP/1.1\r\nConnection:\r\n close\r\n\r\n"):
            connection = RawConnection(self.server).send(data)
            self.assertIn(connection.received.split()[1], (b"200", b"101"), data)
            for second in (b"h", b"other"):
                connection = RawConnection(self.server).send(
                    data.replace(b"\r\n", b"\r\nHost: h\r\nhost: " + second + b"\r\n", 1) + UP
                )
                (answer,) = connection.take()
                self.assertRefused(answer, 400, "invalid_input")
                self.assertIn("more than one Host", answer.text)
                self.assertTrue(connection.ended, data)

    def test_too_much(self) -> None:
        """A request line longer than the limit gets 414, header fields beyond it, or too many of them, get 431."""
        for data, status in (
            (b"GET /" + b"x" * 17000 + b" HTTP/1.1\r\n\r\n", 414),
            (b"GET /" + b"x" * 17000, 414),
            (b"GET /app/" + b"x" * 17000 + b" HTTP/1.1\r\n\r\n", 414),
            (b"x" * 40000, 414),
            (b"GET /up HTTP/1.1\r\n" + b"X: y\r\n" * 501 + b"\r\n", 431),
            (b"GET /up HTTP/1.1\r\nX: " + b"y" * 17000 + b"\r\n\r\n", 431),
            (b"GET /app/key HTTP/1.1\r\nX: " + b"y" * 17000, 431),
            (b"GET /app/key HTTP/1.1\r\n" + b"X" * 257 + b": y\r\n\r\n", 431),
            (b"GET /up HTTP/1.1\r\n" + b"X" * 257 + b": y\r\n\r\n", 431),
            (b"GET /up HTTP/1.1\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 10_000, 431),
            (b"GET /up HTTP/1.1\r\nX: y\r\n" + b" folded\r\n" * 3000, 431),
        ):
            connection = RawConnection(self.server).send(data + UP)
            (answer,) = connection.take()
            self.assertRefused(answer, status, "limit_exceeded")
            self.assertEqual((answer.headers["connection"], connection.ended), ("close", True), data[:80])

    def test_bare_line_feeds(self) -> None:
        """Lines that do not end as HTTP's are refused when they are there, not when the time for a head is over."""
        for data in (
            b"GET /up HTTP/1.1\nHost: x\n\n",
            b"GET /app/key HTTP/1.1\nHost: x\n\n",
            b"POST / HTTP/1.1\r\nX: y\n",
        ):
            self.assertRefused(RawConnection(self.server).ask(data), 400, "invalid_input")

    def test_chunks_of_nothing(self) -> None:
        """A body of small chunks is read, one that is all extensions is not read for long."""
        head = b"POST /apps/app-id/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection = RawConnection(self.server).send(head)
        for _ in range(1000):
            connection.send(b"1\r\nx\r\n" * 100)
        self.assertFalse(connection.ended)
        connection = RawConnection(self.server).send(head)
        sent = 0
        while not connection.ended and sent < 10 * PIECE:
            connection.send(b"1;" + b"x" * 1000 + b"\r\nx\r\n")
            sent += 1000
        self.assertEqual([answer.status for answer in connection.take()], [400])
        self.assertLess(sent, 2 * PIECE)

    def test_limit_of_the_configuration(self) -> None:
        """`listener.max_header_bytes` is the limit, for short ones as for long ones."""
        self.serve(rest=RestSettings(listener=ListenerSettings(max_header_bytes=200)))
        filling = b"X: " + b"y" * 200 + b"\r\n\r\n"
        for head in (b"GET /up HTTP/1.1\r\n", b"GET /app/key HTTP/1.1\r\n"):
            self.assertEqual(RawConnection(self.server).ask(head + filling).status, 431)
        self.serve(rest=RestSettings(listener=ListenerSettings(max_header_bytes=40_000)))
        self.assertEqual(
            RawConnection(self.server).ask(b"GET /up HTTP/1.1\r\nX: " + b"y" * 39_000 + b"\r\n\r\n").status, 200
        )

    def test_one_answer(self) -> None:
        """One bad head gets one answer, on a connection whose other half is still open as well."""
        for bad in (b"no request\r\n", b"GET /up HTTP/1.1\r\nno colon\r\n\r\n"):
            transport = HalfCloseTransport()
            channel = self.server.site.buildProtocol(transport.getPeer())
            channel.makeConnection(transport)
            channel.dataReceived(bad + b"x" * 20_000)
            channel.dataReceived(b"x" * 20_000 + b"\r\n" + UP)
            self.assertEqual(transport.value().count(b"Content-Length: "), 1)
            channel.connectionLost(Failure(ConnectionDone()))

    def test_in_pieces(self) -> None:
        """The same when every byte comes alone."""
        connection = RawConnection(self.server)
        for byte in b"GET /up HTTP/1.1\r\nno colon\r\nHost: x\r\n\r\n" + UP:
            connection.send(bytes([byte]))
        self.assertEqual([answer.status for answer in connection.take()], [400])

    def test_H52_nothing_after_the_refusal(self) -> None:
        """A client that asked before it sends too large a body is told no, and not to go on as well."""
        self.serve(rest=RestSettings(request_limit=10))
        head = b"POST /apps/app-id/events HTTP/1.1\r\nExpect: 100-continue\r\n"
        connection = RawConnection(self.server).send(head + b"Content-Length: 11\r\n\r\n")
        self.server.pump()
        self.assertTrue(connection.received.startswith(b"HTTP/1.1 413 "))
        self.assertEqual(connection.received.count(b"HTTP/1.1 "), 1)

    def test_lingering(self) -> None:
        """A refused client may go on sending for a while; then the connection is cut."""
        site = self.server.site
        transport = HalfCloseTransport()
        channel = site.buildProtocol(transport.getPeer())
        assert channel is not None
        channel.makeConnection(transport)
        channel.dataReceived(b"POST /apps/app-id/events HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 413 "))
        self.assertTrue(transport.half_closed)
        transport.clear()
        for _ in range(100):
            channel.dataReceived(b"x" * 65536)
        self.server.clock.advance(4)
        self.assertEqual((transport.value(), transport.aborted), (b"", False))
        self.server.clock.advance(1)
        self.assertTrue(transport.aborted)


class HalfCloseTransport(StringTransport):
    """A TCP connection, as far as closing goes."""

    half_closed = False
    aborted = False

    def __init__(self) -> None:
        from twisted.internet.interfaces import ITCPTransport
        from zope.interface import alsoProvides

        super().__init__()
        alsoProvides(self, ITCPTransport)

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = True
