"""HMAC-SHA256 in Pusher's three uses: channel joins, user sign-in and REST calls.

Everything signed is UTF-8 text, every signature lower-case hex, every comparison constant time.
Source: protocol.md 8; http-api.md 4; Pusher, "Auth signatures" and "HTTP API, authentication".
"""

from __future__ import annotations

import hmac

__all__ = ["channel_signature", "same", "user_signature"]


def channel_signature(secret: str, socket_id: str, channel: str, channel_data: str | None) -> str:
    """Hex HMAC-SHA256 that lets this socket join a private or presence channel.

    Signs `socket_id:channel`, then `:channel_data` for presence; the data is the exact string received.
    """
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return _hex_hmac(secret, text)


def user_signature(secret: str, socket_id: str, user_data: str) -> str:
    """Hex HMAC-SHA256 that signs this socket in; signs `socket_id::user::user_data`."""
    return _hex_hmac(secret, f"{socket_id}::user::{user_data}")


def same(a: str, b: str) -> bool:
    """Whether two texts are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))


def _hex_hmac(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode("utf-8", "surrogatepass"), "sha256").hex()
