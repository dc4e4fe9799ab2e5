"""The shortcut for ordinary heads: what is ordinary, and that nobody can tell it from the long way."""

from __future__ import annotations

import random
import re

from sockudo_tx.transports.rest.plain import Plain, read_plain
from sockudo_tx.transports.rest.site import RestSettings
from tests.http.case import HttpCase, RawConnection
from tests.http.test_mutations import damaged, requests

LINE = b"POST /apps/1/events?a=b HTTP/1.1"
ENOUGH = 16384


def read(fields: bytes, line: bytes = LINE, limit: int = ENOUGH) -> Plain | None:
    return read_plain(line, fields, limit)


class ReadingTests(HttpCase):
    """`read_plain`"""

    def test_ordinary(self) -> None:
        """Method, target, headers by lower-case name with their values in order, and where the body begins."""
        fields = b"Host: x\r\nACCEPT:*/*\r\nX_y: \t a b \t\r\naccept: z\r\nContent-Length: 3\r\nEmpty:\r\n\r\n"
        head = read(fields + b"abc\r\n\r\n")
        assert head is not None
        self.assertEqual((head.method, head.target), (b"POST", b"/apps/1/events?a=b"))
        self.assertEqual(
            head.fields,
            {b"host": [b"x"], b"accept": [b"*/*", b"z"], b"x_y": [b"a b"], b"content-length": [b"3"], b"empty": [b""]},
        )
        self.assertEqual((head.length, head.size), (3, len(fields)))

    def test_no_headers(self) -> None:
        """A head may be a request line alone."""
        self.assertEqual(read(b"\r\nrest"), Plain(b"POST", b"/apps/1/events?a=b", read(b"\r\n").fields, 0, 2))  # type: ignore[union-attr]

    def test_not_ordinary(self) -> None:
        """Whatever is unusual, unfinished or near a limit is for Twisted, right or wrong."""
        for fields in (
            b"",
            b"\n",
            b"Host: x\r\n",
            b"Host: x\r\n\r",
            b"Host: x\n\r\n",
            b"Host: x\r\n folded\r\n\r\n",
            b"no colon\r\n\r\n",
            b": no name\r\n\r\n",
            b"bad name: x\r\n\r\n",
            b"Host : x\r\n\r\n",
            b"X: \x00\r\n\r\n",
            b"X: a\rb\r\n\r\n",
            b"X: a\nb\r\n\r\n",
            b"X" * 65 + b": y\r\n\r\n",
            b"X: y\r\n" * 65 + b"\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"transfer-encoding: identity\r\nContent-Length: 1\r\n\r\n",
            b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
            b"Content-Length: \r\n\r\n",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: 1_0\r\n\r\n",
            b"Content-Length: 0x1\r\n\r\n",
            b"Content-Length: 1 1\r\n\r\n",
            b"Content-Length: \xb2\r\n\r\n",
            b"Content-Length: 1234567890123456\r\n\r\n",
        ):
            self.assertIsNone(read(fields), fields)
        for line in (b"", b"GET /", b"GET / HTTP/1.0", b"get / HTTP/1.1", b"GET  / HTTP/1.1", b"GET /\x80 HTTP/1.1"):
            self.assertIsNone(read(b"\r\n", line), line)
        self.assertIsNone(read(b"X: y\r\n\r\n", limit=len(LINE) + 7))
        self.assertIsNotNone(read(b"X: y\r\n\r\n", limit=len(LINE) + 8))


class SameTests(HttpCase):
    """The long way round, which is to send each line alone"""

    def answers(self, *pieces: bytes) -> tuple[bytes, bool]:
        """What a new server says to this, but for the numbers it gives requests."""
        self.serve(rest=RestSettings(request_limit=1000, usage_enabled=False))  # which tells of this machine, now
        connection = RawConnection(self.server)
        for piece in pieces:
            connection.send(piece)
        return re.sub(rb"(?<=X-Request-Id: )[^\r]+", b"N", connection.received), connection.ended

    def test_same(self) -> None:
        """Whole or damaged, at once or line by line, alone or one behind another: the same bytes come back."""
        chance = random.Random(3)
        good = requests()
        for number in range(1500):
            data = chance.choice(good)
            if number >= 100:
                data = damaged(chance, data)
            if number % 3 == 0:
                data += chance.choice(good)
            lines = data.split(b"\r\n")
            self.assertEqual(
                self.answers(data), self.answers(*[line + b"\r\n" for line in lines[:-1]], lines[-1] or b""), data
            )
