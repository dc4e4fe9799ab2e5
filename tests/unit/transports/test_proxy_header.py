"""The PROXY protocol's headers, whole, in pieces and broken (haproxy.org, doc/proxy-protocol.txt)."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.transports.proxy_header import ProxyHeader, ProxyHeaderError, Source, read_proxy_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.7") + struct.pack("!HH", 51000, 443)
V6 = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + socket.inet_pton(socket.AF_INET6, "::1")
    + struct.pack("!HH", 51000, 443)
)
UNIX = b"/run/a.sock".ljust(108, b"\0") + b"/run/b.sock".ljust(108, b"\0")


def v2(command: int, kind: int, body: bytes = b"", length: int | None = None) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, kind, len(body) if length is None else length) + body


WHOLE = {
    b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n": Source("192.0.2.1", 51000),
    b"PROXY TCP6 2001:DB8:0:0::1 ::1 51000 443\r\n": Source("2001:db8::1", 51000),
    b"PROXY TCP6 " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2) + b" 65535 65535\r\n": Source("ffff:" * 7 + "ffff", 65535),
    b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n": Source("0.0.0.0", 0),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff::1 anything at all 1 2\r\n": None,
    v2(0x21, 0x11, V4): Source("192.0.2.1", 51000),
    v2(0x21, 0x12, V4): Source("192.0.2.1", 51000),
    v2(0x21, 0x21, V6): Source("2001:db8::1", 51000),
    v2(0x21, 0x31, UNIX): Source(None),
    v2(0x21, 0x11, V4 + b"\x04\x00\x03abc" + b"\x20" * 500): Source("192.0.2.1", 51000),  # what proxies add
    v2(0x21, 0x00): None,
    v2(0x21, 0x00, b"ignored"): None,
    v2(0x21, 0x10, V4): None,
    v2(0x20, 0x00): None,
    v2(0x20, 0x11, V4): None,
    v2(0x20, 0xFF, b"whatever"): None,
}
BROKEN = [
    b"GET /app/k HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\r\nhello",
    b"proxy TCP4 192.0.2.1 198.51.100.7 51000 443\r\n",
    b"PROXY\r\n",
    b"PROXY  TCP4 192.0.2.1 198.51.100.7 51000 443\r\n",
    b"PROXY TCP5 192.0.2.1 198.51.100.7 51000 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 51000\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443 \r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 65536\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 051000 443\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.7 51000 443\r\n",
    b"PROXY TCP4 2001:db8::1 ::1 51000 443\r\n",
    b"PROXY TCP6 192.0.2.1 198.51.100.7 51000 443\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 51000 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\n" + b"x" * 80,
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    b"PROXY UNKNOWN " + b"x" * 93,
    b"PROXY UNKNOWNX\r\n",
    v2(0x11, 0x11, V4),
    v2(0x22, 0x11, V4),
    v2(0x21, 0x41, V4),
    v2(0x21, 0x13, V4),
    v2(0x21, 0x11, V4[:-1]),
    v2(0x21, 0x21, V4),
    v2(0x21, 0x31, UNIX[:-1]),
]


class HeaderTests(unittest.TestCase):
    """One header at the start of a connection"""

    def test_whole(self) -> None:
        """Each form gives the source, and where the header ends."""
        for header, source in WHOLE.items():
            self.assertEqual(read_proxy_header(header + b"GET /"), ProxyHeader(source, len(header)), header)

    def test_pieces(self) -> None:
        """No piece of a header is taken for a whole or a broken one, wherever it is cut."""
        for header in WHOLE:
            for end in range(len(header)):
                self.assertIsNone(read_proxy_header(header[:end]), header[:end])

    def test_broken(self) -> None:
        """Anything else is refused, in words."""
        for header in BROKEN:
            with self.assertRaises(ProxyHeaderError, msg=repr(header)):
                read_proxy_header(header)

    def test_longest(self) -> None:
        """The longest header of version 1 has 107 bytes; without an end that many are enough to refuse."""
        longest = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
        self.assertEqual(read_proxy_header(longest), ProxyHeader(None, 107))
        with self.assertRaises(ProxyHeaderError):
            read_proxy_header(longest[:-2] + b"xx")

    def test_refused_early(self) -> None:
        """What cannot become a header is refused at the first wrong byte: a browser's request does not wait."""
        for start in (b"G", b"PROXX", b"PROXY\t", b"\r\nQ", SIGNATURE[:-1] + b"x"):
            with self.assertRaises(ProxyHeaderError):
                read_proxy_header(start)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(SIGNATURE.__add__)))
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a header, the beginning of one, or refused; a longer look never takes back a header."""
    try:
        found = read_proxy_header(data)
    except ProxyHeaderError:
        return
    if found is not None:
        assert found.size <= len(data)
        assert read_proxy_header(data + b"more") == found
        assert read_proxy_header(data[: found.size]) == found


@given(st.sampled_from(sorted(WHOLE)), st.integers(min_value=0), st.integers(0, 255))
def test_one_byte_changed(header: bytes, place: int, byte: int) -> None:
    """A header with one byte changed is read or refused, never more."""
    place %= len(header)
    changed = header[:place] + bytes([byte]) + header[place + 1 :]
    try:
        found = read_proxy_header(changed)
    except ProxyHeaderError:
        return
    assert found is None or found.size <= len(changed)


@given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=50))
def test_round_trip(address: object, port: int, rest: bytes) -> None:
    """Every address and port comes through both versions; what follows is left."""
    text = str(address)
    family, kind, word = (socket.AF_INET6, 0x21, "TCP6") if ":" in text else (socket.AF_INET, 0x11, "TCP4")
    packed = socket.inet_pton(family, text)
    first = f"PROXY {word} {text} {text} {port} {port}\r\n".encode()
    second = v2(0x21, kind, packed * 2 + struct.pack("!HH", port, port))
    for header in (first, second):
        assert read_proxy_header(header + rest) == ProxyHeader(Source(text, port), len(header))
