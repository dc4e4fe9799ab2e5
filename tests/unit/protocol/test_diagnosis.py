"""Debug mode names the part of a signature that is another (issue: logs; http-api.md 13)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.auth import candidate_paths, channel_signature, parse_query, rest_signature, user_signature
from sockudo_tx.protocol.diagnosis import RestAttempt, why_rest, why_signin, why_subscribe
from sockudo_tx.protocol.messages import Signin, Subscribe

APP = App(id="1", key="key", secret="the secret")
OTHER = App(id="2", key="other", secret="the other secret")
NOW = 1_700_000_000.0
BODY = b'{"name": "e"}'
PATH = b"/apps/1/events"
SOCKET = "12.34"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sentences(
    *,
    method: str = "POST",
    path: bytes = PATH,
    signed: dict[str, Any] | None = None,
    sent: dict[str, str] | None = None,
) -> list[str]:
    """The explanation of a call that was signed as `signed` says and sent as `sent` says."""
    signed = {"secret": APP.secret, "method": method, "path": path, **(signed or {})}
    parameters = {"auth_key": "key", "auth_timestamp": "1700000000", "auth_version": "1.0", "body_md5": md5(BODY)}
    parameters |= signed.get("parameters", {})
    signature = rest_signature(signed["secret"], signed["method"], signed["path"], parameters)
    if "form" in signed:
        text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
        message = f"{signed['method']}\n{signed['path'].decode()}\n{text}".encode()
        signature = signed["form"](signed["secret"].encode(), message)
    parameters["auth_signature"] = signature
    query = "&".join(f"{name}={value}" for name, value in {**parameters, **(sent or {})}.items()).encode()
    attempt = RestAttempt(method, candidate_paths(path), query, parse_query(query), BODY, NOW)
    return why_rest(APP, attempt, OTHER if attempt.parameters["auth_key"] == OTHER.key else None)


def test_nothing_wrong() -> None:
    """A good call: every part is right."""
    assert [text.partition(": ")[2].split()[0] for text in sentences()] == ["right"] * 4


@pytest.mark.parametrize(
    ("how", "part", "words"),
    [
        ({"sent": {"auth_key": "other"}}, 0, "the key of app '2'"),
        ({"signed": {"secret": OTHER.secret}, "sent": {"auth_key": "nobody"}}, 0, "no app's key"),
        ({"signed": {"parameters": {"auth_timestamp": "1699990000"}}}, 1, "10000 s behind the server's clock"),
        ({"signed": {"parameters": {"auth_timestamp": "1699999400"}}}, 1, "right (600 s old)"),
        ({"signed": {"parameters": {"auth_timestamp": "1699999399"}}}, 1, "601 s behind the server's clock"),
        ({"signed": {"parameters": {"auth_timestamp": "1700000000000"}}}, 1, "it is in milliseconds"),
        ({"signed": {"parameters": {"body_md5": md5(b"")}}}, 2, "that of an empty body"),
        ({"signed": {"parameters": {"body_md5": md5(b'{"name":"e"}')}}}, 2, "the same JSON written compactly"),
        ({"signed": {"parameters": {"body_md5": md5(b"x")}}}, 2, "something changed the body"),
        ({"signed": {"method": "GET"}}, 3, "was made with the method GET"),
        ({"signed": {"method": "post"}}, 3, "was made with the method post"),
        ({"sent": {"auth_signature": "abc"}}, 3, "is not 64 lower-case hex digits, it has 3 characters"),
        ({"signed": {"parameters": {"auth_version": "2.0"}}}, 4, "auth_version: is '2.0', not 1.0"),
        ({"signed": {"path": b"/apps/1/events/"}}, 3, "a slash at the end of the path"),
        ({"path": b"/ws/apps/1/events", "signed": {"path": PATH}}, 3, "a path without what stands before /apps"),
        ({"signed": {"secret": "key"}}, 3, "the app's key instead of its secret"),
        ({"signed": {"secret": "the secret\n"}}, 3, "white space or quotes around the secret"),
        ({"signed": {"secret": OTHER.secret, "parameters": {"auth_key": "other"}}}, 3, "the secret of app '2'"),
        ({"signed": {"method": "GET", "path": b"/apps/1/events/"}}, 3, "the method GET and a slash at the end"),
        ({"signed": {"secret": "unknown"}}, 3, "it was made with another secret"),
        (
            {"signed": {"form": lambda key, text: base64.b64encode(hmac.digest(key, text, "sha256")).decode()}},
            3,
            "base64 instead of hex",
        ),
        (
            {"signed": {"form": lambda key, text: hmac.digest(key, text, "sha1").hex()}},
            3,
            "HMAC-SHA1 instead of HMAC-SHA256",
        ),
    ],
)
def test_rest_part_at_fault(how: dict[str, Any], part: int, words: str) -> None:
    """The sentence about the part that differs says what it is instead; no sentence holds a secret or signature."""
    found = sentences(**how)
    assert words in found[part], found
    for text in found:
        assert "the secret" not in text.replace("the secret of app", "").replace("around the secret", "")
        assert not any(len(word) > 63 for word in text.split())


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ("key:" + channel_signature(APP.secret, SOCKET, "private-a", None), "right"),
        (channel_signature(APP.secret, SOCKET, "private-a", None), "no `key:` before"),
        ("other:" + channel_signature(APP.secret, SOCKET, "private-a", None), "names the key 'other'"),
        ("key:" + channel_signature(APP.secret, SOCKET, "a", None), "without its prefix"),
        ("key:" + channel_signature(APP.secret, SOCKET, "private-a", "{}"), "with channel_data"),
        ("key:" + channel_signature(APP.secret, "9.9", "private-a", None), "the one before a reconnect"),
        ("key:" + user_signature(APP.secret, SOCKET, "{}"), "for a sign-in"),
        (None, "missing"),
    ],
)
def test_channel_auth_at_fault(auth: str | None, words: str) -> None:
    """The sentence about a subscription's `auth` says what it is a signature of."""
    assert words in why_subscribe(APP, SOCKET, Subscribe("private-a", auth, "{}"))


@pytest.mark.parametrize("channel", ["presence-a", "presence-a,b"])
def test_forgotten_channel_data(channel: str) -> None:
    """Signing a presence channel like a private one is named as such, whether or not the name has to be escaped."""
    auth = "key:" + channel_signature(APP.secret, SOCKET, channel, None)
    assert "without the channel_data" in why_subscribe(APP, SOCKET, Subscribe(channel, auth, "{}"))


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ("key:" + user_signature(APP.secret, SOCKET, "{}"), "right"),
        ("key:" + channel_signature(APP.secret, SOCKET, "{}", None), "as for a channel"),
        ("key:" + user_signature(OTHER.secret, SOCKET, "{}"), "another secret"),
        (None, "missing"),
    ],
)
def test_signin_auth_at_fault(auth: str | None, words: str) -> None:
    """The same for a sign-in."""
    assert words in why_signin(APP, SOCKET, Signin(auth, "{}"))
