"""What no finding and no printed configuration shows: values under telling names, credentials inside addresses."""

from __future__ import annotations

import re

__all__ = ["MASK", "hidden", "printable", "without_password"]

MASK = "********"
_LONGEST = 4096
_HIDDEN = re.compile(r"(?i)secret|passw|passphrase|token|credential(?!s$)|private_key|^headers$")
_USER = re.compile(r"(?s)((?<=//)|^(?=[^/@]*:[^/@]*@)).*@")
_MEMBER = re.compile(r"(?i)(?<=[?&])([^=&#]*(?:secret|passw|token)[^=&#]*=)[^&#\s]+")


def hidden(name: str) -> bool:
    """Whether a value under this name may be a secret, for names that no declaration knows."""
    return _HIDDEN.search(name.rpartition(".")[2]) is not None


def printable(text: str) -> str:
    """The text on one line, with escapes for what would do something to a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def without_password(text: str) -> str:
    """The text with user name and password of an address in it masked, also when it is no good address.

    Longer texts than addresses are, which could cost time, are masked as a whole.
    """
    if len(text) > _LONGEST:
        return MASK if "@" in text or "?" in text else text
    return _MEMBER.sub(r"\1" + MASK, _USER.sub(MASK + "@", text))
