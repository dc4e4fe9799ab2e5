"""Reading the HTTP answers of a REST API (RFC 9112), one connection at a time."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Answer", "AnswerError", "read_answer"]

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class Answer(NamedTuple):
    """One whole answer."""

    status: int
    body: bytes
    closes: bool
    """Whether the server will hang up after it."""


class AnswerError(ValueError):
    """What is no HTTP answer."""


def read_answer(data: bytes) -> tuple[Answer, bytes] | None:
    """The answer at the start of the data and what follows it; None until it is whole. Raises AnswerError."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > 65536:
            raise AnswerError("64 KiB without the end of a head")
        return None
    head = data[: end + 2]
    parts = head.split(b" ", 2)
    if not head.startswith(b"HTTP/1.") or len(parts) < 3 or not parts[1].isdigit():
        raise AnswerError(f"no HTTP answer: {head[:40]!r}")
    closes = _CLOSES.search(head) is not None
    if _CHUNKED.search(head):
        found = _dechunk(data, end + 4)
        if found is None:
            return None
        body, stop = found
    else:
        length = _LENGTH.search(head)
        stop = end + 4 + (int(length[1]) if length else 0)
        if len(data) < stop:
            return None
        body = data[end + 4 : stop]
    return Answer(int(parts[1]), body, closes), data[stop:]


def _dechunk(data: bytes, start: int) -> tuple[bytes, int] | None:
    """The body and where it ends."""
    body = b""
    while True:
        line = data.find(b"\r\n", start)
        if line < 0:
            return None
        try:
            size = int(data[start:line].partition(b";")[0], 16)
        except ValueError:
            raise AnswerError(f"no chunk size: {data[start:line][:20]!r}") from None
        start = line + 2
        if len(data) < start + size + 2:
            return None
        if not size:
            return body, start + 2
        body += data[start : start + size]
        start += size + 2
