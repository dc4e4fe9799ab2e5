"""From plain HTTP to HTTPS: where to, and what a client may do on the way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.redirect import LINGER, RedirectFactory, RedirectSettings, location

from .kernel import Pair, Selector


def head(target: bytes = b"/", host: bytes | None = b"h", method: bytes = b"GET", more: bytes = b"") -> bytes:
    """A request's head."""
    field = b"" if host is None else b"Host: %s\r\n" % host
    return b"%s %s HTTP/1.1\r\n%s%s\r\n" % (method, target, field, more)


class LocationTests(SynchronousTestCase):
    """`Location`"""

    def refused(self, *heads: bytes) -> None:
        for text in heads:
            with self.assertRaises(ValueError, msg=repr(text)):
                location(text, 6001)

    def test_C86_location(self) -> None:
        """Host without its port, the port of HTTPS, path and query as they came."""
        for target, host, expected in (
            (b"/app/k?x=1", b"h:80", b"https://h:6001/app/k?x=1"),
            (b"/", b"ws.example.com", b"https://ws.example.com:6001/"),
            (b"//other/%2F?a=b&c=%0d%0a?/", b"h", b"https://h:6001//other/%2F?a=b&c=%0d%0a?/"),
            (b"/", b"[2001:DB8::1]:80", b"https://[2001:DB8::1]:6001/"),
            (b"/", b"[::1]", b"https://[::1]:6001/"),
            (b"/", b"192.0.2.1:", b"https://192.0.2.1:6001/"),
            (b"/", None, b"https://localhost:6001/"),
            (b"/", b"", b"https://localhost:6001/"),
            (b"*", b"h", b"https://h:6001/"),
        ):
            self.assertEqual(location(head(target, host), 6001), expected)
        self.assertEqual(location(b"GET /x HTTP/1.0\r\n\r\n", 6001), b"https://localhost:6001/x")

    def test_default_port(self) -> None:
        """443 is left out (decisions.md 52)."""
        self.assertEqual(location(head(b"/x", b"h:80"), 443), b"https://h/x")
        self.assertEqual(location(head(b"/x", b"[::1]:80"), 443), b"https://[::1]/x")

    def test_absolute_form(self) -> None:
        """A target that names a host wins over Host, as a proxy sends it (RFC 9112 3.2.2)."""
        for target, expected in (
            (b"http://other:80/x?y", b"https://other:6001/x?y"),
            (b"HTTP://other", b"https://other:6001/"),
            (b"http://other?y=1", b"https://other:6001/?y=1"),
            (b"https://[::1]:1/x", b"https://[::1]:6001/x"),
        ):
            self.assertEqual(location(head(target), 6001), expected)
        self.refused(head(b"http://a@b/x"), head(b"http://a b/x"), head(b"http://other/x#y"), head(b"ftp://h/x"))

    def test_quoted(self) -> None:
        """What has no place in a URL is percent-encoded; what is encoded stays as it is."""
        self.assertEqual(location(head(b'/\xc3\xa4"<%20>\\'), 6001), b"https://h:6001/%C3%A4%22%3C%20%3E%5C")

    def test_C86_bad_host(self) -> None:
        """A Host that is no legal authority is refused."""
        for host in (
            *(b"a b", b"a/b", b"a@b", b"a:b", b"a:1:2", b"a:70000", b"a\\b", b'"a"', b"<a>", b"\xe4", b"a?b", b"a#b"),
            *(b"[::1", b"::1", b"[::1%25eth0]", b"[1.2.3.4]", b"[::g]", b"[]", b"[v1.a]", b"%", b"x" * 300),
        ):
            self.refused(head(host=host))
        self.refused(head(more=b"Host: other\r\n"))

    def test_no_request(self) -> None:
        """What is no request of HTTP/1 is refused, and so is a target that is no path."""
        self.refused(
            *(b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n"),
            *(
                head(b"h:443", method=b"CONNECT"),
                head(b"x"),
                head(b"/a b"),
                head(b"/\x7f"),
                head(b"/\n"),
                head(b"/\x00"),
            ),
            *(head(more=b"a b: c\r\n"), head(more=b"a : c\r\n"), head(more=b" folded\r\n"), head(more=b"no colon\r\n")),
            *(head(host=b"a\rb"), head(host=b"a\nb"), head(host=b"a\x00")),
        )

    @given(st.binary(max_size=40), st.binary(max_size=40))
    def test_any_bytes(self, target: bytes, host: bytes) -> None:
        """Whatever comes, the answer is one line, and leads to https on our port."""
        for text in (head(b"/" + target, host), head(b"http://" + target, host)):
            try:
                found = location(text, 6001)
            except ValueError:
                continue
            self.assertRegex(found, rb"^https://[^/?#@\\ ]+:6001/[!-~]*$")


class ConnectionTests(SynchronousTestCase):
    """One connection of the port for plain HTTP"""

    def setUp(self) -> None:
        self.clock = Selector()
        settings = RedirectSettings(port=6001, max_header_bytes=1000, timeout=10, max_connections=3)
        self.factory = RedirectFactory(settings, self.clock)  # type: ignore[arg-type]  # has a clock

    def connect(self) -> Pair:
        """A client that has not said anything."""
        pair = Pair(self.factory.buildProtocol(None), self.clock)
        self.addCleanup(pair.close)
        protocol: Any = pair.transport.protocol
        protocol.makeConnection(pair.transport)
        return pair

    def say(self, pair: Pair, data: bytes) -> bytes:
        """The client says this; what it hears."""
        pair.far.send(data)
        pair.transport.doRead()
        return pair.read_all()

    def assert_open(self, pair: Pair, is_open: bool) -> None:
        self.assertEqual(hasattr(pair.transport, "socket"), is_open)

    def test_C86_answer(self) -> None:
        """Any method gets 308, an empty body and the end of the connection; HEAD no less."""
        for method in (b"GET", b"POST", b"HEAD", b"OPTIONS", b"BREW"):
            pair = self.connect()
            answer = self.say(pair, head(b"/app/k?x=1", b"h:80", method))
            self.assertTrue(answer.startswith(b"HTTP/1.1 308 Permanent Redirect\r\nDate: "), answer)
            fields, _, body = answer.partition(b"\r\n\r\n")
            for line in (b"Location: https://h:6001/app/k?x=1", b"Content-Length: 0", b"Connection: close"):
                self.assertIn(line, fields.split(b"\r\n"))
            self.assertEqual((body, pair.far.recv(1)), (b"", b""))
            pair.far.close()
            pair.transport.doRead()
            pair.close()

    def test_C86_bad_request(self) -> None:
        """A bad Host, or something else than HTTP, is 400, and nothing of it comes back."""
        for text in (head(host=b"a b"), head(host=b"evil\nX-Injected: 1"), b"\x16\x03\x01" + b"x" * 50 + b"\r\n\r\n"):
            pair = self.connect()
            answer = self.say(pair, text)
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer)
            self.assertNotIn(b"Injected", answer)
            self.assertNotIn(b"Location", answer)

    def test_in_pieces(self) -> None:
        """A head may come a byte at a time."""
        pair = self.connect()
        text = head(b"/x")
        for at in range(len(text) - 1):
            self.assertEqual(self.say(pair, text[at : at + 1]), b"")
        self.assertIn(b" 308 ", self.say(pair, text[-1:]))

    def test_body(self) -> None:
        """A body is not waited for; what comes of it is dropped, for two seconds, so that the answer arrives."""
        pair = self.connect()
        answer = self.say(pair, head(method=b"POST", more=b"Content-Length: 1000000\r\n") + b"x" * 500)
        self.assertIn(b" 308 ", answer)
        for _ in range(10):
            self.assertEqual(self.say(pair, b"GET / HTTP/1.1\r\n\r\n"), b"")
        self.clock.advance(LINGER - 0.1)
        self.assert_open(pair, True)
        self.clock.advance(0.2)
        self.clock.advance(0)
        self.assert_open(pair, False)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_long(self) -> None:
        """A head over the limit is 431, complete or not, however it comes."""
        for text in (b"GET /" + b"x" * 1000, head(b"/" + b"x" * 1000), head(more=b"a: b\r\n" * 200)):
            self.assertIn(b" 431 ", self.say(self.connect(), text))
        pair = self.connect()
        for _ in range(9):
            self.assertEqual(self.say(pair, b"x" * 100), b"")
        self.assertIn(b" 431 ", self.say(pair, b"x" * 100))

    def test_slow(self) -> None:
        """Who is silent, or sends a byte a second, is gone after ten seconds in all."""
        silent, slow = self.connect(), self.connect()
        for _ in range(9):
            self.clock.advance(1)
            self.say(slow, b"x")
        self.assert_open(silent, True)
        self.assert_open(slow, True)
        self.clock.advance(1.1)
        self.clock.advance(0)
        self.assert_open(silent, False)
        self.assert_open(slow, False)
        self.assertEqual((self.clock.getDelayedCalls(), self.factory._open), ([], {}))

    def test_crowd(self) -> None:
        """Of too many connections the oldest goes: a flood does not lock out the next client."""
        pairs = [self.connect() for _ in range(4)]
        self.clock.advance(0)
        self.assertEqual([hasattr(pair.transport, "socket") for pair in pairs], [False, True, True, True])
        self.assertIn(b" 308 ", self.say(pairs[3], head()))

    def test_gone(self) -> None:
        """A client that leaves, and a server that stops, leave nothing behind."""
        pair, other = self.connect(), self.connect()
        pair.far.close()
        why: Any = pair.transport.doRead()
        pair.transport.connectionLost(Failure(why))
        self.factory.stopFactory()
        self.clock.advance(0)
        self.assert_open(other, False)
        self.assertEqual((self.clock.getDelayedCalls(), self.factory._open), ([], {}))
