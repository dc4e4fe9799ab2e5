"""Why a signature does not match, for the log of debug mode: which part of what was signed is another.

An HMAC tells nothing about its input, so the usual mistakes are made again here, one at a time and two at a time,
until one gives the signature that came. Nothing in these sentences is a secret or a signature. Far too slow for
more than a developer's refusals. Source: http-api.md 4 and 13, protocol.md 8.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from .app import App
from .auth import TIMESTAMP_WINDOW, same
from .errors import shortened
from .messages import Signin, Subscribe
from .names import ChannelName
from .wirejson import dumps, loads

__all__ = ["RestAttempt", "why_rest", "why_signin", "why_subscribe"]

_METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE")
_HEX = re.compile(r"[0-9a-f]{64}")
_ELSEWHERE = "it was made with another secret, or of something else than is listed here"


class RestAttempt(NamedTuple):
    """A refused REST call as it came."""

    method: str
    paths: Sequence[bytes]
    """The spellings that were tried, the one on the wire first."""
    raw_query: bytes
    parameters: Mapping[str, str]
    body: bytes
    now: float
    """Unix seconds."""


def why_rest(app: App, attempt: RestAttempt, owner: App | None = None) -> list[str]:
    """One sentence for each part of the signature; `owner` is the app that `auth_key` belongs to, if any."""
    parts = [
        _key(app, attempt.parameters.get("auth_key"), owner),
        _timestamp(attempt.parameters.get("auth_timestamp"), attempt.now),
        _body(attempt),
        _rest_signature(app, attempt, owner),
    ]
    version = attempt.parameters.get("auth_version", "1.0")
    return parts if version == "1.0" else [*parts, f"auth_version: is {shortened(version)!r}, not 1.0"]


def _key(app: App, key: str | None, owner: App | None) -> str:
    if key is None:
        return "auth_key: missing"
    if key == app.key:
        return "auth_key: right"
    whose = f"the key of app {shortened(owner.id)!r}" if owner is not None else "no app's key"
    return f"auth_key: is {whose}, the path is of app {shortened(app.id)!r}"


def _timestamp(text: str | None, now: float) -> str:
    if text is None:
        return "auth_timestamp: missing"
    try:
        behind = int(now) - int(text)
    except ValueError:
        return "auth_timestamp: not Unix seconds"
    if abs(behind) <= TIMESTAMP_WINDOW:
        return f"auth_timestamp: right ({abs(behind)} s {'old' if behind >= 0 else 'ahead'})"
    milliseconds = abs(int(now) - int(text) // 1000) <= TIMESTAMP_WINDOW
    hint = ": it is in milliseconds" if milliseconds else ": set the clock of one of the two machines"
    return f"auth_timestamp: {abs(behind)} s {'behind' if behind > 0 else 'ahead of'} the server's clock{hint}"


def _body(attempt: RestAttempt) -> str:
    given, body = attempt.parameters.get("body_md5"), attempt.body
    if given is None:
        return "body_md5: missing, and there is a body" if body else "body_md5: not needed, there is no body"
    if _md5(body) == given:
        return f"body_md5: right ({len(body)} bytes)"
    for text, what in _bodies(body):
        if _md5(text) == given:
            return f"body_md5: is that of {what}; {len(body)} bytes were received"
    if _md5(body) == given.lower():
        return "body_md5: must be lower-case"
    return f"body_md5: is of other bytes than the {len(body)} received: something changed the body on its way"


def _bodies(body: bytes) -> Iterator[tuple[bytes, str]]:
    yield b"", "an empty body"
    yield body.strip(), "the body without white space around it"
    yield body + b"\n", "the body with a line break behind it"
    try:
        value = loads(body)
    except ValueError:
        return
    yield dumps(value).encode(), "the same JSON written compactly"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _rest_signature(app: App, attempt: RestAttempt, owner: App | None) -> str:
    given = attempt.parameters.get("auth_signature")
    if given is None:
        return "auth_signature: missing"
    others = (attempt.method.lower(), *_METHODS)
    methods = [(attempt.method, ""), *((name, f"the method {name}") for name in others if name != attempt.method)]
    paths = list(_paths(attempt.paths))
    queries = list(_queries(attempt))
    secrets = list(_secrets(app, owner))
    variants = sorted(product(secrets, methods, paths, queries), key=lambda parts: sum(bool(why) for _, why in parts))
    for (secret, *whose), (method, *how), (path, *where), (query, *what) in variants:
        reasons = [text for text in (*whose, *how, *where, *what) if text]
        if len(reasons) > 2:
            break
        form = _form(given, secret, b"%s\n%s\n%s" % (method.encode(), path, query))
        if form is not None:
            reasons += [form] if form else []
            return "auth_signature: " + (f"was made with {' and '.join(reasons)}" if reasons else "right")
    if not _HEX.fullmatch(given):
        return f"auth_signature: is not 64 lower-case hex digits, it has {len(given)} characters"
    signed = shortened(attempt.paths[0].decode("utf-8", "replace"))
    return f"auth_signature: {_ELSEWHERE}: the method {attempt.method}, the path {signed}, the sorted parameters"


def _paths(spellings: Sequence[bytes]) -> Iterator[tuple[bytes, str]]:
    known = dict.fromkeys(spellings, "")
    first = spellings[0]
    parts = first.split(b"/apps/", 1)
    others = {
        first + b"/": "a slash at the end of the path",
        quote(unquote_to_bytes(first), safe="/").encode(): "an escaped path",
        b"/apps/" + parts[-1]: "a path without what stands before /apps",
        parts[-1]: "a path without its beginning",
        first.lower(): "the path in lower case",
    }
    yield from known.items()
    for path, why in others.items():
        if path not in known:
            yield path, f"{why} ({shortened(path.decode('utf-8', 'replace'))})"


def _queries(attempt: RestAttempt) -> Iterator[tuple[bytes, str]]:
    signed = {name: value for name, value in attempt.parameters.items() if name != "auth_signature"}
    yield _joined(sorted(signed.items())), ""
    raw = [part for part in attempt.raw_query.split(b"&") if not part.lower().startswith(b"auth_signature=")]
    yield b"&".join(raw), "the parameters in the order they were sent in"
    yield b"&".join(sorted(raw)), "escaped parameter values"
    for name in ("body_md5", "auth_version", "auth_timestamp"):
        if name in signed:
            left = [(other, value) for other, value in sorted(signed.items()) if other != name]
            yield _joined(left), f"{name} left out"
    standard = ("auth_key", "auth_timestamp", "auth_version", "body_md5")
    if signed.keys() - set(standard):
        only = [(name, signed[name]) for name in standard if name in signed]
        yield _joined(only), "only the auth parameters, the others left out"


def _joined(pairs: Iterable[tuple[str, str]]) -> bytes:
    return "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")


def _secrets(app: App, owner: App | None = None) -> Iterator[tuple[str, str]]:
    yield app.secret, ""
    if owner is not None and owner.id != app.id:
        yield owner.secret, f"the secret of app {shortened(owner.id)!r}"
    yield app.key, "the app's key instead of its secret"
    for before, after in (("", "\n"), ("", "\r\n"), (" ", ""), ("", " "), ('"', '"'), ("'", "'")):
        yield before + app.secret + after, "white space or quotes around the secret"
    if app.secret.strip() != app.secret:
        yield app.secret.strip(), "the secret without the white space around it"


def _form(given: str, secret: str, message: bytes) -> str | None:
    """How `given` is this message's signature: empty when it is as it should be, None when it is not."""
    digest = hmac.digest(secret.encode(), message, "sha256")
    if same(given, digest.hex()):
        return ""
    if same(given.lower(), digest.hex()):
        return "upper-case hex digits"
    if same(given.rstrip("="), base64.b64encode(digest).decode().rstrip("=")):
        return "base64 instead of hex"
    for name in ("sha1", "md5", "sha512"):
        if same(given.lower(), hmac.digest(secret.encode(), message, name).hex()):
            return f"HMAC-{name.upper()} instead of HMAC-SHA256"
    return None


def why_subscribe(app: App, socket_id: str, command: Subscribe) -> str:
    """What is wrong with the `auth` of a subscription, as one sentence."""
    channel, data = command.channel, command.channel_data
    subject = f"{socket_id}:{channel}"
    wanted = f"{subject}:{data}" if ChannelName.of(channel).presence and data is not None else subject
    others = {
        f"{subject}:{data}": "with channel_data, which only presence channels sign",
        f"{socket_id}:{quote(channel, safe='')}": "for the escaped channel name",
        f"{socket_id}:{channel.removeprefix('private-').removeprefix('presence-')}": "for the name without its prefix",
        channel: "without the socket id",
        f"{socket_id}::user::{data}": "for a sign-in, not for a channel",
        # Last, because most names are the same when they are escaped.
        subject: "without the channel_data that was sent",
    }
    if command.auth is None:
        return "auth: missing; the client's authorizer got no answer, or one without a member `auth`"
    return _why_auth(app, command.auth, wanted, others, f"socket {socket_id} and channel {shortened(channel)}")


def why_signin(app: App, socket_id: str, command: Signin) -> str:
    """What is wrong with the `auth` of a sign-in, as one sentence."""
    data = command.user_data
    if command.auth is None:
        return "auth: missing; the client's authorizer got no answer, or one without a member `auth`"
    others = {
        f"{socket_id}:{data}": "as for a channel, not for a sign-in",
        f"{socket_id}::user::": "without the user_data that was sent",
        f"{socket_id}:user:{data}": "with single colons",
    }
    return _why_auth(app, command.auth, f"{socket_id}::user::{data}", others, f"socket {socket_id} and its user_data")


def _why_auth(app: App, auth: str, wanted: str, others: Mapping[str, str], subject: str) -> str:
    key, colon, digest = auth.rpartition(":")
    complaints = []
    if not colon:
        complaints.append("has no `key:` before the signature")
    elif key != app.key:
        complaints.append(f"names the key {shortened(key, 40)!r}, and this connection is the key {app.key!r}'s")
    for text, why in ({wanted: ""} | {text: why for text, why in others.items() if text != wanted}).items():
        for secret, whose in _secrets(app):
            form = _form(digest, secret, text.encode("utf-8", "surrogatepass"))
            if form is not None:
                made = (why, whose and f"with {whose}", form and f"as {form}")
                complaints += [f"was made {part}" for part in made if part]
                return f"auth: {', '.join(complaints)}" if complaints else "auth: right"
    complaints.append(
        f"is not the signature of {subject}: it was made with another secret, or for another socket, "
        "such as the one before a reconnect"
    )
    return f"auth: {', '.join(complaints)}"
