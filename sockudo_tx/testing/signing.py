"""Pusher signatures the way an application's backend makes them.

Written from Pusher's documentation alone and not from the server's own signer, so that a test which signs
here and verifies there means something.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from ..protocol.app import App

__all__ = ["channel_auth", "signed_target", "user_auth"]


def hex_hmac(secret: str, text: str) -> str:
    """Lower-case hex HMAC-SHA256 of the UTF-8 text."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def channel_auth(app: App, socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """The `auth` of a subscription; pass `channel_data` exactly where it is to be signed (presence)."""
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return f"{app.key}:{hex_hmac(app.secret, text)}"


def user_auth(app: App, socket_id: str, user_data: str) -> str:
    """The `auth` of a sign-in."""
    return f"{app.key}:{hex_hmac(app.secret, f'{socket_id}::user::{user_data}')}"


def signed_target(
    app: App, method: str, path: str, timestamp: float, body: bytes = b"", query: Mapping[str, str] | None = None
) -> str:
    """Path and query of a signed REST request, as the official server libraries build it."""
    values = {
        **(query or {}),
        "auth_key": app.key,
        "auth_timestamp": str(int(timestamp)),
        "auth_version": "1.0",
    }
    if body:
        values["body_md5"] = hashlib.md5(body, usedforsecurity=False).hexdigest()
    text = "&".join(f"{name}={values[name]}" for name in sorted(values))
    signature = hex_hmac(app.secret, f"{method}\n{path}\n{text}")
    escaped = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
    return f"{path}?{escaped}&auth_signature={signature}"
