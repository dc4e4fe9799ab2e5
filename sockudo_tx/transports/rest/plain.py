"""The head of a request as HTTP libraries write it, read in one go instead of line by line.

A shortcut past Twisted's parser, which costs more than the rest of a signed publish: it has no rule of its own
and refuses nothing. Whatever is not plainly within every limit of the channel is left to the channel, so that each
rule has one home. tests/unit/transports/rest/test_plain.py holds that no request fares differently for it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..fields import Fields, read_fields

__all__ = ["Plain", "read_plain"]

_LINE = re.compile(rb"([A-Z]++) ([!-~]++) HTTP/1\.1")
_LENGTH = re.compile(rb"[0-9]{1,15}")


class Plain(NamedTuple):
    """A whole head."""

    method: bytes
    target: bytes
    fields: Fields
    length: int
    """`Content-Length`; without one there is no body."""
    size: int
    """Bytes between the request line and the body."""


def read_plain(line: bytes, rest: bytes, limit: int) -> Plain | None:
    """The head whose first line is `line` and which goes on in `rest`.

    None when it is not all there, longer than `limit` or out of the ordinary: a chunked body, say.
    """
    request = _LINE.fullmatch(line)
    if request is None:
        return None
    found = read_fields(rest)
    if found is None:
        return None
    fields, size = found
    if len(line) + size > limit or b"transfer-encoding" in fields:
        return None
    lengths = fields.get(b"content-length")
    if lengths is None:
        return Plain(request[1], request[2], fields, 0, size)
    if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        return None
    return Plain(request[1], request[2], fields, int(lengths[0]), size)
