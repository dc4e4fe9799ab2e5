"""Heads of upgrade requests: what is one, what is not, and what it asks for (protocol.md 1.1-1.4)."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.errors import RestError
from sockudo_tx.transports.handshake import (
    accepted,
    parse_head,
    split_app_path,
    switching_protocols,
    upgrade_fault,
)

NONCE = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD: dict[bytes, list[bytes]] = {
    b"host": [b"localhost:6001"],
    b"upgrade": [b"websocket"],
    b"connection": [b"Upgrade"],
    b"sec-websocket-key": [NONCE],
    b"sec-websocket-version": [b"13"],
}


def fault(
    path: bytes = b"/app/key", query: bytes = b"", method: bytes = b"GET", prefix: str = "/", **changes: Any
) -> RestError | None:
    """The fault of a request that is good except for `changes`: a header's new values, or None to leave it out."""
    headers = {**GOOD, **{name.replace("_", "-").encode(): value for name, value in changes.items()}}
    return upgrade_fault(
        method, path, query, {name: value for name, value in headers.items() if value is not None}, prefix
    )


class PathTests(SynchronousTestCase):
    """`split_app_path`"""

    def test_table(self) -> None:
        """One segment after /app/, one trailing slash, decoded once."""
        for path, key in {
            b"/app/key": "key",
            b"/app/key/": "key",
            b"/app/KEY": "KEY",
            b"/app/a%20b": "a b",
            b"/app/a%2Fb": "a/b",
            b"/app/a%252Fb": "a%2Fb",
            b"/app/a+b": "a+b",
            b"/app/%C3%A9": "é",
            b"/app/%FF": "\ufffd",
            b"/app/%": "%",
            b"/app/app": "app",
            b"/app": None,
            b"/app/": None,
            b"/app//": None,
            b"/app/key//": None,
            b"/app/key/x": None,
            b"/App/key": None,
            b"/apps/key": None,
            b"/other/key": None,
            b"/x/app/key": None,
            b"app/key": None,
            b"/": None,
            b"": None,
        }.items():
            self.assertEqual(split_app_path(path), key, path)

    def test_prefix(self) -> None:
        """Under a prefix only paths below it are ours, however the prefix is written."""
        for prefix in ("/ws", "/ws/", "ws"):
            self.assertEqual(split_app_path(b"/ws/app/key", prefix), "key")
            self.assertEqual(split_app_path(b"/ws/app/key/", prefix), "key")
            for path in (b"/app/key", b"/wsapp/key", b"/ws//app/key", b"/ws/app", b"/ws"):
                self.assertIsNone(split_app_path(path, prefix))

    @given(st.binary())
    def test_any(self, path: bytes) -> None:
        """Any bytes are a key or none."""
        key = split_app_path(b"/app/" + path)
        self.assertTrue(key is None or key)


class FaultTests(SynchronousTestCase):
    """`upgrade_fault`"""

    def test_good(self) -> None:
        """A valid request has none, whatever the spelling of its headers' values."""
        self.assertIsNone(fault())
        self.assertIsNone(fault(upgrade=[b"WebSocket"], connection=[b"keep-alive, Upgrade"]))
        self.assertIsNone(fault(upgrade=[b"h2c", b"websocket"], connection=[b"keep-alive", b"upgrade"]))

    def test_headers(self) -> None:
        """Each missing or wrong header is refused with 400 and its own text."""
        for changes, text in (
            ({"upgrade": None}, "Missing Upgrade header"),
            ({"upgrade": [b"h2c"]}, "Invalid Upgrade header"),
            ({"connection": None}, "Missing Connection header"),
            ({"connection": [b"keep-alive"]}, "Invalid Connection header"),
            ({"sec_websocket_key": None}, "Missing Sec-WebSocket-Key"),
            ({"sec_websocket_key": [b"short"]}, "Invalid Sec-WebSocket-Key"),
            ({"sec_websocket_key": [b"\xff" * 24]}, "Invalid Sec-WebSocket-Key"),
            ({"sec_websocket_key": [NONCE, NONCE]}, "Invalid Sec-WebSocket-Key"),
            ({"sec_websocket_version": None}, "Missing Sec-WebSocket-Version"),
            ({"sec_websocket_version": [b"8"]}, "Unsupported WebSocket version"),
            ({"sec_websocket_version": [b"13", b"8"]}, "Unsupported WebSocket version"),
        ):
            found = fault(**changes)
            assert found is not None
            self.assertEqual((found.status, found.code, found.text), (400, "invalid_input", text))

    def test_version(self) -> None:
        """A client with another version is told which one we speak."""
        found = fault(sec_websocket_version=[b"8"])
        assert found is not None
        self.assertEqual(found.headers, {"Sec-WebSocket-Version": "13"})

    def test_P5_protocol(self) -> None:
        """`protocol` may be absent or any number from 0 to 255."""
        for query in (
            b"",
            b"protocol=7",
            b"client=js&protocol=0&version=8",
            b"protocol=4",
            b"protocol=5",
            b"protocol=99",
            b"protocol=255",
            b"protocol=007",
            b"protocol=%37",
            b"protocols=abc",
            b"&&",
            b"client=%FF",
        ):
            self.assertIsNone(fault(query=query), query)

    def test_P6_protocol(self) -> None:
        """`protocol` that is no such number, or is given twice, is refused with 400."""
        for query in (
            b"protocol=abc",
            b"protocol=300",
            b"protocol=256",
            b"protocol=-1",
            b"protocol=",
            b"protocol",
            b"protocol=7.0",
            b"protocol=7&protocol=7",
            b"protocol=7&%70rotocol=7",
            b"protocol=%EF%BC%97",
            b"protocol=" + b"9" * 10_000,
        ):
            found = fault(query=query)
            assert found is not None, query
            self.assertEqual(found.status, 400)

    def test_route(self) -> None:
        """Another path is 404, another method 405, whatever the headers."""
        for found, status in (
            (fault(path=b"/app/"), 404),
            (fault(path=b"/other/key", upgrade=None), 404),
            (fault(path=b"/other/key", method=b"POST"), 404),
            (fault(path=b"/app/key", prefix="/ws"), 404),
            (fault(method=b"POST"), 405),
            (fault(method=b"HEAD", upgrade=None), 405),
        ):
            assert found is not None
            self.assertEqual(found.status, status)
            self.assertEqual("Allow" in found.headers, status == 405)

    def test_draining(self) -> None:
        """While draining a valid upgrade is refused with a 503 that says why, an invalid one as ever."""
        found = upgrade_fault(b"GET", b"/app/key", b"", GOOD, draining=True)
        assert found is not None
        self.assertEqual(found.status, 503)
        self.assertIn("shutting down", found.text)
        found = upgrade_fault(b"GET", b"/app/key", b"", {}, draining=True)
        assert found is not None
        self.assertEqual(found.status, 400)


class HeadTests(SynchronousTestCase):
    """`parse_head`"""

    def test_parts(self) -> None:
        """A head is split into method, path, query and fields by lower-case name."""
        head = parse_head(b"GET /app/key?protocol=7?x HTTP/1.1\r\nHost: a\r\nX-A:  1 \r\nx-a:2\r\nEmpty:")
        assert head is not None
        self.assertEqual((head.method, head.path, head.query), (b"GET", b"/app/key", b"protocol=7?x"))
        self.assertEqual(head.headers, {b"host": [b"a"], b"x-a": [b"1", b"2"], b"empty": [b""]})

    def test_left_to_http(self) -> None:
        """Anything unusual is no head of ours."""
        for line in (
            b"GET /app/key",
            b"GET /app/key HTTP/2.0",
            b"GET /app/a key HTTP/1.1",
            b"GET http://host/app/key HTTP/1.1",
            b"get /app/key HTTP/1.1",
            b"",
        ):
            self.assertIsNone(parse_head(line))
        for field in (b"nocolon", b" Folded: x", b"Na me: x", b": x", b"A: b\nc: d", b"A: b\rc", b"A: \x00", b"A : b"):
            self.assertIsNone(parse_head(b"GET /app/key HTTP/1.1\r\nHost: a\r\n" + field), field)

    def test_no_quadratic_work(self) -> None:
        """A hostile head of full length costs no more than a moment."""
        start = time.perf_counter()
        for filling in (b" " * 16_000 + b"x", b"x " * 8_000, b":" * 16_000, b"\t" * 16_000, b"a" * 16_000):
            parse_head(b"GET /app/key HTTP/1.1\r\nA: " + filling + b"\r\n" + filling)
        self.assertLess(time.perf_counter() - start, 1)

    @given(st.binary())
    def test_any(self, data: bytes) -> None:
        """Any bytes are a head or none, and a head is refused or accepted, never an error."""
        for text in (data, b"GET /app/key HTTP/1.1\r\n" + data, b"GET /app/key?" + data + b" HTTP/1.1"):
            head = parse_head(text)
            if head is not None:
                upgrade_fault(*head)
                upgrade_fault(*head._replace(headers={**GOOD, **head.headers}))


QUERY = b"protocol=7&client=js&version=8.4.0"


class AcceptedTests(SynchronousTestCase):
    """`accepted` and `switching_protocols`"""

    def test_plain(self) -> None:
        """Key, origin and nonce as sent; no sub-protocol, no extension."""
        upgrade = accepted(b"/app/a%20b/", QUERY, {**GOOD, b"origin": [b"https://a.com"]})
        self.assertEqual(upgrade, ("a b", "https://a.com", NONCE, None, "", "js/8.4.0", b""))
        self.assertIsNone(accepted(b"/app/key", QUERY, GOOD).origin)

    def test_client(self) -> None:
        """Library and version as the query names them; anything but plain names is left out."""
        for query, client in (
            (b"client=js&protocol=7&version=8.4.0", "js/8.4.0"),
            (b"client=pusher-php", "pusher-php"),
            (b"version=1", ""),
            (b"client=a%0Ab&version=1", ""),
            (b"client=" + b"a" * 33, ""),
            (b"subclient=x", ""),
            (b"", ""),
        ):
            self.assertEqual(accepted(b"/app/key", query, GOOD).client, client, query)

    def test_two_origins(self) -> None:
        """Two Origin headers are no origin anybody allows."""
        self.assertEqual(
            accepted(b"/app/key", QUERY, {**GOOD, b"origin": [b"https://a.com", b"x"]}).origin,
            "https://a.com, x",
        )

    def test_P14_first_subprotocol(self) -> None:
        """The first sub-protocol offered is taken, whatever it is."""
        for offered, taken in (
            ([b"foo, bar"], b"foo"),
            ([b" ,foo"], b"foo"),
            ([b"foo", b"bar"], b"foo"),
            ([b""], None),
        ):
            upgrade = accepted(b"/app/key", QUERY, {**GOOD, b"sec-websocket-protocol": offered})
            self.assertEqual(upgrade.subprotocol, taken)

    def test_response(self) -> None:
        """The 101 carries the proof of RFC 6455 1.3, and names a sub-protocol or extension only if there is one."""
        upgrade = accepted(b"/app/key", QUERY, GOOD)
        plain = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        )
        self.assertEqual(switching_protocols(upgrade), plain + b"\r\n")
        self.assertEqual(
            switching_protocols(upgrade._replace(subprotocol=b"foo"), b"permessage-deflate"),
            plain + b"Sec-WebSocket-Protocol: foo\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        )
