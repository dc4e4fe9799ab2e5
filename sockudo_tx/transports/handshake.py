"""The head of an upgrade request: parsed and checked without a transport. Source: protocol.md 1.1-1.4."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha1
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from ..protocol.errors import RestError
from .fields import Fields, read_fields

__all__ = [
    "Head",
    "Headers",
    "Upgrade",
    "accepted",
    "mount",
    "parse_head",
    "split_app_path",
    "switching_protocols",
    "upgrade_fault",
]

Headers = Mapping[bytes, Sequence[bytes]]
"""Header values by lower-case name."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_REQUEST_LINE = re.compile(rb"([A-Z]+) (/[^\x00-\x20\x7f]*) HTTP/1\.[01]")
_CLIENT = re.compile(rb"(?:^|&)client=([\w.-]{1,32})(?:&|$)", re.ASCII)
_VERSION = re.compile(rb"(?:^|&)version=([\w.+-]{1,32})(?:&|$)", re.ASCII)
_U8 = re.compile(rb"\+?0*([0-9]{1,3})")


class Head(NamedTuple):
    """A request line and its header fields."""

    method: bytes
    path: bytes
    query: bytes
    headers: Fields


class Upgrade(NamedTuple):
    """What a valid upgrade asks for."""

    key: str
    """The app key."""
    origin: str | None
    nonce: bytes
    """The Sec-WebSocket-Key."""
    subprotocol: bytes | None
    """The first one the client offered."""
    extensions: str
    """Sec-WebSocket-Extensions, empty when there is none."""
    client: str = ""
    """The library, as its query parameters `client` and `version` name it."""
    lines: bytes = b""
    """More header lines for the answer, each with its end."""


def parse_head(data: bytes) -> Head | None:
    """A head up to its empty line. None when it is not plain HTTP/1.x: then HTTP has to find the answer."""
    line, _, rest = (data.removesuffix(b"\r\n\r\n") + b"\r\n\r\n").partition(b"\r\n")
    request = _REQUEST_LINE.fullmatch(line)
    if request is None:
        return None
    found = read_fields(rest)
    if found is None or found[1] != len(rest):
        return None
    path, _, query = request[2].partition(b"?")
    return Head(request[1], path, query, found[0])


@cache
def mount(prefix: str) -> bytes:
    """A path prefix as it stands on the wire: a leading slash and no trailing one, or nothing."""
    name = prefix.strip("/")
    return b"/" + name.encode() if name else b""


def split_app_path(path: bytes, prefix: str = "/") -> str | None:
    """The app key of `{prefix}/app/{key}`, percent-decoded once; None for any other path."""
    opening = mount(prefix) + b"/app/"
    if not path.startswith(opening):
        return None
    segment = path[len(opening) :].removesuffix(b"/")
    if not segment or b"/" in segment:
        return None
    return unquote_to_bytes(segment).decode("utf-8", "replace")


def upgrade_fault(
    method: bytes, path: bytes, query: bytes, headers: Headers, prefix: str = "/", *, draining: bool = False
) -> RestError | None:
    """Why this request cannot become a WebSocket; None when it can. `headers` has lower-case names."""
    if split_app_path(path, prefix) is None:
        return RestError(404, "not_found", "Not found: WebSockets live at /app/{key}")
    if method != b"GET":
        return RestError(405, "method_not_allowed", "A WebSocket is opened with GET", {"Allow": "GET"})
    text = _header_fault(headers)
    if text is not None:
        version = {"Sec-WebSocket-Version": "13"} if "version" in text.lower() else None
        return RestError(400, "invalid_input", text, version)
    if not _protocol_is_valid(query):
        return RestError(400, "invalid_input", "The query parameter protocol must be given once, as 0 to 255")
    if draining:
        return RestError(503, "service_unavailable", "The server is shutting down: connect again in a moment")
    return None


def _header_fault(headers: Headers) -> str | None:
    upgrade = headers.get(b"upgrade")
    connection = headers.get(b"connection")
    nonce = headers.get(b"sec-websocket-key")
    version = headers.get(b"sec-websocket-version")
    if not upgrade:
        return "Missing Upgrade header"
    if b"websocket" not in b",".join(upgrade).lower():
        return "Invalid Upgrade header"
    if not connection:
        return "Missing Connection header"
    if b"upgrade" not in b",".join(connection).lower():
        return "Invalid Connection header"
    if not nonce:
        return "Missing Sec-WebSocket-Key"
    if not version:
        return "Missing Sec-WebSocket-Version"
    if list(version) != [b"13"]:
        return "Unsupported WebSocket version"
    if len(nonce) > 1 or not _is_nonce(nonce[0]):
        return "Invalid Sec-WebSocket-Key"
    return None


def _is_nonce(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


def _protocol_is_valid(query: bytes) -> bool:
    """Whether `protocol` is absent or given once as an unsigned 8-bit number."""
    values = []
    for pair in query.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        if unquote_to_bytes(name) == b"protocol":
            values.append(unquote_to_bytes(value))
    if not values:
        return True
    number = _U8.fullmatch(values[0])
    return len(values) == 1 and number is not None and int(number[1]) <= 255


def accepted(path: bytes, query: bytes, headers: Headers, prefix: str = "/") -> Upgrade:
    """What a request without `upgrade_fault` asks for."""
    origins = headers.get(b"origin")
    offers = b",".join(headers.get(b"sec-websocket-protocol", ())).split(b",")
    return Upgrade(
        key=split_app_path(path, prefix) or "",
        origin=b", ".join(origins).decode("latin-1") if origins else None,
        nonce=headers[b"sec-websocket-key"][0],
        subprotocol=next((offer for offer in map(bytes.strip, offers) if offer), None),
        extensions=b", ".join(headers.get(b"sec-websocket-extensions", ())).decode("latin-1"),
        client=_client(query),
    )


def _client(query: bytes) -> str:
    """Such as `js/8.4.0`; plain names only, everything else is left out. The same text for the same library."""
    name, version = _CLIENT.search(query), _VERSION.search(query)
    if name is None:
        return ""
    return sys.intern((name[1] + (b"/" + version[1] if version is not None else b"")).decode("ascii"))


def switching_protocols(upgrade: Upgrade, extensions: bytes | None = None) -> bytes:
    """The 101 response."""
    proof = base64.b64encode(sha1(upgrade.nonce + _GUID, usedforsecurity=False).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + proof,
    ]
    if upgrade.subprotocol is not None:
        lines.append(b"Sec-WebSocket-Protocol: " + upgrade.subprotocol)
    if extensions is not None:
        lines.append(b"Sec-WebSocket-Extensions: " + extensions)
    return b"\r\n".join(lines) + b"\r\n" + upgrade.lines + b"\r\n"
