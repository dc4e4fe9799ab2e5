"""The header with which a proxy tells whose connection it passes on: the PROXY protocol, versions 1 and 2.

Source: haproxy.org, doc/proxy-protocol.txt. A pure reader; Twisted's (`twisted.protocols.haproxy`) is not used: its
version 2 wants the first 16 bytes in one read, and what its version 1 takes for an address is any text.
"""

from __future__ import annotations

import re
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

__all__ = ["LONGEST_V1", "ProxyHeader", "ProxyHeaderError", "Source", "read_proxy_header"]

LONGEST_V1 = 107
"""Bytes of a version 1 header with its line end, at most."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_START = struct.Struct("!12sBBH")
"""Signature, version and command, family and protocol, length of the rest."""
_LOCAL, _PROXY = 0x20, 0x21
_UNSPEC, _INET, _INET6, _UNIX = 0x0, 0x1, 0x2, 0x3
_SIZES = {_UNSPEC: 0, _INET: 12, _INET6: 36, _UNIX: 216}
_PORTS = struct.Struct("!HH")

_PORT = rb"(0|[1-9][0-9]{0,4})"
_TCP = re.compile(rb"PROXY TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) " + _PORT + b" " + _PORT)
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?")


class ProxyHeaderError(Exception):
    """These bytes begin no PROXY header, or a broken one."""


class Source(NamedTuple):
    """Whose connection it is; without a host it is one that has no IP address, such as a Unix socket's."""

    host: str | None
    port: int = 0


class ProxyHeader(NamedTuple):
    """A whole header. Without a source the connection is the proxy's own, such as a health check."""

    source: Source | None
    size: int
    """Bytes of the header; what follows is for the server."""


def read_proxy_header(data: bytes | bytearray) -> ProxyHeader | None:
    """The header at the start of `data`, None while it is not whole. Raises `ProxyHeaderError` once it is none."""
    if data[:1] == _SIGNATURE[:1]:
        return _read_v2(data)
    return _read_v1(bytes(data[: LONGEST_V1 + 1]))


def _read_v1(data: bytes) -> ProxyHeader | None:
    line, end, _ = data.partition(b"\r\n")
    if not end:
        opening = b"PROXY "
        if len(data) >= LONGEST_V1 or data[: len(opening)] != opening[: len(data)]:
            raise ProxyHeaderError("the connection does not begin with a PROXY header")
        return None
    size = len(line) + len(end)
    if size > LONGEST_V1:
        raise ProxyHeaderError("a PROXY header of version 1 is too long")
    if _UNKNOWN.fullmatch(line):
        return ProxyHeader(None, size)
    found = _TCP.fullmatch(line)
    if found is None:
        raise ProxyHeaderError("a PROXY header of version 1 is malformed")
    kind = IPv4Address if found[1] == b"4" else IPv6Address
    try:
        source, _ = kind(found[2].decode()), kind(found[3].decode())
    except ValueError as error:
        raise ProxyHeaderError("a PROXY header of version 1 has no valid addresses") from error
    port = int(found[4])
    if max(port, int(found[5])) > 65535:
        raise ProxyHeaderError("a PROXY header of version 1 has no valid port")
    return ProxyHeader(Source(str(source), port), size)


def _read_v2(data: bytes | bytearray) -> ProxyHeader | None:
    if data[: len(_SIGNATURE)] != _SIGNATURE[: len(data)]:
        raise ProxyHeaderError("the connection does not begin with a PROXY header")
    if len(data) < _START.size:
        return None
    _, command, kind, length = _START.unpack_from(data)
    family, protocol = kind >> 4, kind & 15
    if command not in {_LOCAL, _PROXY}:
        raise ProxyHeaderError("a PROXY header of version 2 has an unknown version or command")
    if command == _PROXY and (family not in _SIZES or protocol > 2 or length < _SIZES[family]):
        raise ProxyHeaderError("a PROXY header of version 2 has no valid addresses")
    size = _START.size + length
    if len(data) < size:
        return None
    if command == _LOCAL or family == _UNSPEC or protocol == 0:
        return ProxyHeader(None, size)
    return ProxyHeader(_source(family, bytes(data[_START.size : _START.size + _SIZES[family]])), size)


def _source(family: int, addresses: bytes) -> Source:
    """Both addresses, then both ports; what proxies add behind them is not of interest."""
    if family == _UNIX:
        return Source(None)
    port, _ = _PORTS.unpack(addresses[-_PORTS.size :])
    if family == _INET:
        return Source(str(IPv4Address(addresses[:4])), port)
    return Source(str(IPv6Address(addresses[:16])), port)
