"""Reading the HTTP answers of servers of all kinds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench.answers import Answer, AnswerError, read_answer

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'
CHUNKED = b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"ok"\r\n6;x=y\r\n:true}\r\n0\r\n\r\n'
REFUSED = b"HTTP/1.0 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class AnswerTests(unittest.TestCase):
    """Bytes to answers."""

    @given(st.integers(0, 200))
    def test_any_cut(self, cut: int) -> None:
        """An answer is complete with its last byte and not before."""
        for data in (PLAIN, CHUNKED):
            part = data[: min(cut, len(data) - 1)]
            self.assertIsNone(read_answer(part))
            self.assertEqual(read_answer(data + b"next"), (Answer(200, b'{"ok":true}', closes=False), b"next"))

    def test_close(self) -> None:
        """A server that will hang up says so."""
        self.assertEqual(read_answer(REFUSED), (Answer(413, b"", closes=True), b""))

    def test_no_http(self) -> None:
        """What is no HTTP is an error, not a wait without end."""
        for data in (b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 70000):
            self.assertRaises(AnswerError, read_answer, data)
        self.assertRaises(AnswerError, read_answer, CHUNKED.replace(b"5\r\n", b"z\r\n"))
