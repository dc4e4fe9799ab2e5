"""What a handler answers, and how it becomes the bytes of an HTTP response."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

from ...protocol.errors import RestError, TooManyRequests
from ...protocol.wirejson import dumps

__all__ = ["JSON", "OK", "PARTIAL", "TEXT", "Reply", "error_reply", "json_reply", "response"]

JSON = b"Content-Type: application/json\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
PARTIAL = b"X-Sockudo-Partial: 1\r\n"
"""Somebody who was asked for a part of the answer has said nothing."""


class Reply(NamedTuple):
    """One answer. `content_type` and `headers` are finished header lines, each with its line end."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: bytes = b""


def json_reply(value: Any) -> Reply:
    """200 with this value as JSON."""
    return Reply(200, dumps(value).encode())


OK = json_reply({"ok": True})
"""Done, and nothing more to say."""


def error_reply(error: RestError) -> Reply:
    """The refusal as the body of http-api.md 6.1."""
    message = {"message": error.message} if isinstance(error, TooManyRequests) else {}
    body = dumps({"error": error.text, **message, "code": error.code, "status": error.status}).encode()
    headers = b"".join([f"{name}: {value}\r\n".encode() for name, value in error.headers.items()])
    return Reply(error.status, body, JSON, headers)


_FIRST_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def response(reply: Reply, lines: bytes, *, head_only: bool, close: bool) -> bytes:
    """The whole response; `lines` are the header lines every answer carries.

    An answer to HEAD has the length of the body it leaves out.
    """
    return b"%b%b%b%b%bContent-Length: %d\r\n\r\n%b" % (
        _FIRST_LINES[reply.status],
        reply.content_type,
        lines,
        reply.headers,
        b"Connection: close\r\n" if close else b"",
        len(reply.body),
        b"" if head_only else reply.body,
    )
