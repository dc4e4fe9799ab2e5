"""Names of sockets, channels and events, and the rules they follow (protocol.md 3.2, 6; http-api.md 7.2)."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

__all__ = [
    "PRESENCE_PREFIX",
    "SIGNED_PREFIXES",
    "USER_CHANNEL_PREFIX",
    "ChannelName",
    "SocketId",
    "is_socket_id",
    "new_socket_id",
    "channel_name_fault",
]

SocketId = str
"""Two random integers joined by a dot, such as `8437262518.1928374650`."""

PRESENCE_PREFIX = "presence-"
SIGNED_PREFIXES = ("private-", PRESENCE_PREFIX)
"""Channels that need a signature, and on which clients may send events."""
USER_CHANNEL_PREFIX = "#server-to-user-"

_SOCKET_ID = re.compile(r"[0-9]+\.[0-9]+", re.ASCII)
_ALLOWED = re.compile(r"[A-Za-z0-9\-_=@,.;:]+", re.ASCII)
_FORBIDDEN = re.compile(r"[^A-Za-z0-9\-_=@,.;:]", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HALF = 10_000_000_001  # each half is 0 … 10 000 000 000 inclusive


def new_socket_id() -> SocketId:
    """A fresh unpredictable id; the caller draws again when it is taken."""
    # One system call. 64 bits spread over a half so evenly that no value is likelier than another by 1 in 10^9.
    left, right = divmod(int.from_bytes(os.urandom(16), "big"), 1 << 64)
    return f"{left % _HALF}.{right % _HALF}"


def is_socket_id(text: str) -> bool:
    """Whether `text` has the shape `^[0-9]+\\.[0-9]+$`."""
    return _SOCKET_ID.fullmatch(text) is not None


class ChannelName(NamedTuple):
    """A channel name and what its prefix means. Build with `of`; it does not check the alphabet."""

    text: str
    private: bool
    """Needs a signature: private, encrypted and presence channels, their cache forms included."""
    presence: bool
    encrypted: bool
    cache: bool
    user_id: str | None
    """The signed-in user a `#server-to-user-` channel belongs to."""

    @classmethod
    def of(cls, text: str) -> ChannelName:
        """Classify by anchored, case-sensitive prefix."""
        if text.startswith("private-"):
            encrypted = text.startswith("private-encrypted-")
            rest = text[18:] if encrypted else text[8:]
            return cls(text, True, False, encrypted, rest.startswith("cache-"), None)
        if text.startswith(PRESENCE_PREFIX):
            return cls(text, True, True, False, text.startswith("cache-", len(PRESENCE_PREFIX)), None)
        if text.startswith(USER_CHANNEL_PREFIX):
            return cls(text, False, False, False, False, text[len(USER_CHANNEL_PREFIX) :])
        return cls(text, False, False, False, text.startswith("cache-"), None)

    @property
    def kind(self) -> str:
        """The `channel_type` label of metrics: cache, presence, private_encrypted, private or public."""
        if self.cache:
            return "cache"
        if self.presence:
            return "presence"
        if self.encrypted:
            return "private_encrypted"
        return "private" if self.private else "public"


def channel_name_fault(name: str, max_length: int, *, in_bytes: bool) -> str | None:
    """Why `name` may not be used as a channel, or None. `max_length` 0 means no limit.

    Length is checked before characters. Lengths count UTF-8 bytes on the socket (`in_bytes`) and
    code points on REST (decisions.md 36).
    """
    if not name:
        return "Channel name cannot be empty"
    if max_length and (len(name.encode("utf-8", "surrogatepass")) if in_bytes else len(name)) > max_length:
        return f"Channel name too long. Max length is {max_length}"
    if _ALLOWED.fullmatch(name):
        return None
    if name.startswith(USER_CHANNEL_PREFIX):
        user_id = name[len(USER_CHANNEL_PREFIX) :]
        if user_id and not _CONTROL.search(user_id):
            return None
        return f"Channel name contains invalid characters: '{name}' (a user id without control characters must follow)"
    bad = ", ".join(f"'{c}'" for c in _FORBIDDEN.findall(name)[:10])
    return f"Channel name contains invalid characters: '{name}' (invalid chars: [{bad}])"
