"""Signed requests to the REST API."""

from __future__ import annotations

import hashlib
import http.client
import json
import time

from ..protocol.auth import rest_signature
from .target import Target

__all__ = ["CallError", "call", "refusal", "signed_path", "signed_post"]


_LONGEST = 300


class CallError(Exception):
    """No HTTP answer; the text says why."""


def signed_path(target: Target, path: str, body: bytes) -> str:
    """Where a POST of this body goes, query and signature included."""
    full = f"{target.prefix}{path}"
    parameters = {
        "auth_key": target.key,
        "auth_timestamp": str(int(time.time())),
        "auth_version": "1.0",
        "body_md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }
    signature = rest_signature(target.secret, "POST", full.encode(), parameters)
    query = "&".join([f"{name}={value}" for name, value in parameters.items()])
    return f"{full}?{query}&auth_signature={signature}"


def signed_post(target: Target, path: str, body: bytes) -> bytes:
    """A whole signed POST with its head."""
    return (
        f"POST {signed_path(target, path, body)} HTTP/1.1\r\nHost: {target.authority}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def refusal(status: int, body: bytes) -> str:
    """What an answer that is no success says: its status and the error in its JSON, or the body as it is."""
    text = body[:_LONGEST].decode("utf-8", "replace")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("error"), str):
        text = found["error"][:_LONGEST]
    elif text.lstrip().startswith("<"):
        text = "and a page of HTML"
    return " ".join([str(status), *text.split()])


def call(target: Target, method: str, path: str, body: bytes = b"", patience: float = 10.0) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own; it blocks. Raises CallError."""
    context = target.context()
    connection = (
        http.client.HTTPConnection(target.address[0], target.port, timeout=patience)
        if context is None
        else http.client.HTTPSConnection(target.host, target.port, timeout=patience, context=context)
    )
    headers = {"Host": target.authority, "Content-Type": "application/json"}
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except TimeoutError:
        raise CallError(f"no answer within {patience:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        raise CallError(str(error) or type(error).__name__) from None
    finally:
        connection.close()
