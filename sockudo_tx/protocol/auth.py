"""HMAC-SHA256 in Pusher's three uses: channel joins, user sign-in and REST calls.

Everything signed is UTF-8 text, every signature lower-case hex, every comparison constant time.
Source: protocol.md 8; http-api.md 4; Pusher, "Auth signatures" and "HTTP API, authentication".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from .app import App
from .errors import RestError, shortened

__all__ = [
    "TIMESTAMP_WINDOW",
    "candidate_paths",
    "channel_signature",
    "hex_hmac",
    "parse_query",
    "rest_signature",
    "same",
    "user_signature",
    "verify",
]

TIMESTAMP_WINDOW = 600
"""Seconds a request's clock may differ from ours, either way, inclusive (Pusher)."""

_ONCE = frozenset({"auth_key", "auth_timestamp", "auth_version", "body_md5", "auth_signature"})
_EMPTY_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()
_TIMESTAMP = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]")


def hex_hmac(secret: str, message: bytes) -> str:
    """What every signature of Pusher's is made of; a webhook's is this over the raw body."""
    return hmac.digest(secret.encode(), message, "sha256").hex()


def channel_signature(secret: str, socket_id: str, channel: str, channel_data: str | None) -> str:
    """Hex HMAC-SHA256 that lets this socket join a private or presence channel.

    Signs `socket_id:channel`, then `:channel_data` for presence; the data is the exact string received.
    """
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return hex_hmac(secret, text.encode("utf-8", "surrogatepass"))


def user_signature(secret: str, socket_id: str, user_data: str) -> str:
    """Hex HMAC-SHA256 that signs this socket in; signs `socket_id::user::user_data`."""
    return hex_hmac(secret, f"{socket_id}::user::{user_data}".encode("utf-8", "surrogatepass"))


def same(a: str, b: str) -> bool:
    """Whether two texts are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))


def parse_query(raw: bytes) -> dict[str, str]:
    """The parameters of a raw query string: names lower-cased, values decoded, the last of a name wins.

    Raises a 400 when a parameter of the signature itself is repeated. Source: http-api.md 4.2, 4.3.
    """
    parameters: dict[str, str] = {}
    escaped = b"%" in raw or b"+" in raw
    for part in raw.decode("utf-8", "surrogateescape" if escaped else "replace").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if escaped:
            name, value = _unescaped(name), _unescaped(value)
        key = name.lower()
        if key in parameters and key in _ONCE:
            raise RestError(400, "invalid_input", f"The query string gives {key} more than once")
        parameters[key] = value
    return parameters


def rest_signature(secret: str, method: str, path: bytes, parameters: Mapping[str, str]) -> str:
    """Hex HMAC-SHA256 of a REST call; a parameter `auth_signature` is left out of what is signed."""
    return hex_hmac(secret, b"%s\n%s\n%s" % (method.encode(), path, _signed_query(parameters)))


def candidate_paths(path: bytes, prefix: bytes = b"") -> Sequence[bytes]:
    """The spellings of a request path a client may have signed, the one on the wire first, all distinct.

    SDKs sign before their HTTP layer escapes or prefixes the path. `prefix` is the configured
    `path_prefix` without a trailing slash. Source: http-api.md 4.4.
    """
    if not prefix and b"%" not in path and not path.endswith(b"/"):
        return (path,)
    spellings = [path]
    if path.endswith(b"/") and path != b"/":
        spellings.append(path[:-1])
    if prefix:
        spellings += [text[len(prefix) :] for text in spellings if text.startswith(prefix + b"/")]
    for text in spellings[:]:
        decoded = unquote_to_bytes(text)
        if decoded.count(b"/") == text.count(b"/") and not _CONTROL.search(decoded):
            spellings.append(decoded)
    return tuple(dict.fromkeys(spellings))


def verify(
    app: App, method: str, paths: Sequence[bytes], parameters: Mapping[str, str], body: bytes, now: float
) -> None:
    """Raise a 401 that names the part at fault, unless the app's own backend made this call just now.

    Steps A3 to A9 of http-api.md 4.5, in that order; `now` in Unix seconds. No text holds a secret or a
    signature.
    """
    key = parameters.get("auth_key")
    if key is None:
        _refuse("auth_key is missing: REST calls are signed in the query string")
    if not same(key, app.key):
        _refuse("auth_key is not the key of the app in the path")
    if parameters.get("auth_version", "1.0") != "1.0":
        _refuse("auth_version must be 1.0")
    _check_timestamp(parameters.get("auth_timestamp"), now)
    _check_signature(app.secret, method, paths, parameters)
    _check_body(parameters.get("body_md5"), method, body)


def _check_timestamp(text: str | None, now: float) -> None:
    if text is None:
        _refuse("auth_timestamp is missing")
    if not _TIMESTAMP.fullmatch(text):
        _refuse("auth_timestamp must be Unix seconds in decimal digits")
    behind = int(now) - int(text)
    if abs(behind) > TIMESTAMP_WINDOW:
        side = "behind" if behind > 0 else "ahead of"
        _refuse(
            f"auth_timestamp is {abs(behind)} seconds {side} the server's clock; at most {TIMESTAMP_WINDOW} are allowed"
        )


def _check_signature(secret: str, method: str, paths: Sequence[bytes], parameters: Mapping[str, str]) -> None:
    given = parameters.get("auth_signature")
    if given is None:
        _refuse("auth_signature is missing")
    head, tail = method.encode() + b"\n", b"\n" + _signed_query(parameters)
    matches = False
    for path in paths:
        matches |= same(given, hex_hmac(secret, head + path + tail))
    if not matches:
        names = ", ".join(sorted(parameters.keys() - {"auth_signature"}))
        _refuse(
            "auth_signature does not match: it must be the lower-case hex HMAC-SHA256, keyed with the app's secret, "
            f"of the method {method}, the path {shortened(paths[0].decode('utf-8', 'replace'))} "
            f"and the parameters {shortened(names)}"
        )


def _check_body(given: str | None, method: str, body: bytes) -> None:
    """`body_md5` belongs to every body; an empty body may do without (http-api.md 4.6)."""
    if given is None:
        if body:
            _refuse("body_md5 is missing: a request with a body signs the body's MD5")
    elif not same(given, hashlib.md5(body, usedforsecurity=False).hexdigest() if body else _EMPTY_MD5):
        _refuse(f"body_md5 is not the MD5 of the {len(body)} bytes received as the body of this {method}")


def _signed_query(parameters: Mapping[str, str]) -> bytes:
    names = sorted(parameters)
    return "&".join([f"{name}={parameters[name]}" for name in names if name != "auth_signature"]).encode(
        "utf-8", "surrogatepass"
    )


def _unescaped(text: str) -> str:
    raw = text.replace("+", " ").encode("utf-8", "surrogateescape")
    return unquote_to_bytes(raw).decode("utf-8", "replace")


def _refuse(text: str) -> NoReturn:
    raise RestError(401, "auth_failed", text)
