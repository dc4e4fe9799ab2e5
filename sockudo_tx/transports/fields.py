"""Header fields as HTTP libraries write them, read in one go: for upgrades, and for REST requests.

Unusual ones, right or wrong, are for Twisted's parser to judge: folded lines, long names, crowds of them.
"""

from __future__ import annotations

import re

__all__ = ["Fields", "read_fields"]

# RFC 9110 5.1, 5.5. Nothing is matched twice: hostile text costs no more than its length.
_BLOCK = re.compile(rb"(?:[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64}+:[^\x00\r\n]*+\r\n){0,64}+\r\n")


class Fields(dict[bytes, list[bytes]]):
    """The values of each field, in order, by its lower-case name."""

    __slots__ = ()

    def addRawHeader(self, name: bytes, value: bytes) -> None:
        """One more, as `HTTPChannel` finds it."""
        self.setdefault(name.lower(), []).append(value)


def read_fields(text: bytes) -> tuple[Fields, int] | None:
    """The fields that `text` begins with, and their length with the empty line behind them.

    None when they are out of the ordinary, or not all there.
    """
    block = _BLOCK.match(text)
    if block is None:
        return None
    fields = Fields()
    for line in block[0].split(b"\r\n")[:-2]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in fields:
            fields[name].append(value)
        else:
            fields[name] = [value]
    return fields, block.end()
