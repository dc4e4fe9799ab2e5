"""The upgrade request, and what the server agreed to (RFC 6455 4, RFC 7692 7)."""

from __future__ import annotations

import base64
import hashlib
import os
import re

from .frames import Messages
from .target import Target

__all__ = ["Refused", "accepted", "request"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_WINDOW = re.compile(r"server_max_window_bits\s*=\s*\"?(\d+)")


class Refused(Exception):
    """The server did not upgrade, or not as RFC 6455 has it; the text says what it answered."""


def request(target: Target) -> tuple[bytes, bytes]:
    """The upgrade request and its key."""
    key = base64.b64encode(os.urandom(16))
    extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if target.compression else ""
    head = (
        f"GET {target.prefix}/app/{target.key}?protocol=7&client=sockudo-bench&version=1.0&flash=false HTTP/1.1\r\n"
        f"Host: {target.authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"{extension}Sec-WebSocket-Key: {key.decode()}\r\n\r\n"
    )
    return head.encode(), key


def accepted(head: bytes, key: bytes, body: bytes) -> Messages:
    """How this connection's messages are put together. Raises Refused."""
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/1.1 101"):
        text = body[:200].decode("utf-8", "replace").strip()
        raise Refused(lines[0] + (f" ({text})" if text else ""))
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    proof = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    if headers.get("sec-websocket-accept") != proof:
        raise Refused("an upgrade whose Sec-WebSocket-Accept is wrong: this is no WebSocket server")
    extension = headers.get("sec-websocket-extensions", "")
    if "permessage-deflate" not in extension:
        return Messages()
    found = _WINDOW.search(extension)
    return Messages(int(found[1]) if found else 15, takeover="server_no_context_takeover" not in extension)
