"""The head of a request as HTTP libraries write it, read in one go instead of line by line.

A shortcut past Twisted's parser, which costs more than the rest of a signed publish: it has no rule of its own
and refuses nothing. Whatever is not plainly within every limit of the channel is left to the channel, so that each
rule has one home. tests/unit/transports/rest/test_plain.py holds that no request fares differently for it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Fields", "Plain", "read_plain"]

_LINE = re.compile(rb"([A-Z]++) ([!-~]++) HTTP/1\.1")
# RFC 9110 5.1, 5.5, without folded lines; short names and few fields are what makes them plain.
_FIELDS = re.compile(rb"(?:[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64}+:[^\x00\r\n]*+\r\n){0,64}+\r\n")
_LENGTH = re.compile(rb"[0-9]{1,15}")


class Fields(dict[bytes, list[bytes]]):
    """The values of each header, in order, by its lower-case name."""

    __slots__ = ()

    def addRawHeader(self, name: bytes, value: bytes) -> None:
        """One more, as `HTTPChannel` finds it."""
        self.setdefault(name.lower(), []).append(value)


class Plain(NamedTuple):
    """A whole head."""

    method: bytes
    target: bytes
    fields: Fields
    length: bytes | None
    """`Content-Length`; without one there is no body."""
    size: int
    """Bytes between the request line and the body."""


def read_plain(line: bytes, rest: bytes, limit: int) -> Plain | None:
    """The head whose first line is `line` and which goes on in `rest`.

    None when it is not all there, longer than `limit` or out of the ordinary: a chunked body, say.
    """
    request = _LINE.fullmatch(line)
    block = _FIELDS.match(rest) if request is not None else None
    if request is None or block is None or len(line) + block.end() > limit:
        return None
    fields = Fields()
    for field in rest[: block.end() - 4].split(b"\r\n") if block.end() > 2 else ():
        name, _, value = field.partition(b":")
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    if b"transfer-encoding" in fields:
        return None
    lengths = fields.get(b"content-length")
    if lengths is None:
        return Plain(request[1], request[2], fields, None, block.end())
    if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        return None
    return Plain(request[1], request[2], fields, lengths[0], block.end())
