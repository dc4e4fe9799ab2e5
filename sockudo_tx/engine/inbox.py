"""Messages of one socket that wait behind an answer, so that a client is never served out of order."""

from __future__ import annotations

from collections import deque

__all__ = ["MESSAGE_LIMIT", "SIZE_LIMIT", "Inbox"]

MESSAGE_LIMIT = 1000
"""Messages a socket may have waiting; the next one closes it."""
SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes it may have waiting; a single message is always taken, its size is the transport's affair."""


class Inbox:
    """A bounded FIFO of (payload, binary)."""

    __slots__ = ("_messages", "_size")

    def __init__(self) -> None:
        self._messages: deque[tuple[bytes, bool]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, payload: bytes, binary: bool) -> bool:
        """Queue a message; False when there is no room for it."""
        size = self._size + len(payload)
        if len(self._messages) >= MESSAGE_LIMIT or (self._messages and size > SIZE_LIMIT):
            return False
        self._messages.append((payload, binary))
        self._size = size
        return True

    def take(self) -> tuple[bytes, bool]:
        """The oldest message."""
        message = self._messages.popleft()
        self._size -= len(message[0])
        return message
