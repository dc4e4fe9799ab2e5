"""One live connection as the engine knows it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..interfaces import ISink
from ..protocol.liveness import Pulse
from ..protocol.session import Session

if TYPE_CHECKING:
    from .registry import AppSpace

__all__ = ["INBOX_LIMIT", "Socket"]

INBOX_LIMIT = 1000
"""Messages a socket may have waiting behind one answer of a backend; more close it."""


class Socket:
    """A connection: its sink, its protocol session, and where it stands in the tables.

    Compared and hashed by identity: it is the key of every table it is in.
    """

    __slots__ = (
        "__weakref__",
        "app_id",
        "bucket",
        "ended",
        "id",
        "inbox",
        "pulse",
        "session",
        "sink",
        "space",
        "watching",
    )

    def __init__(self, sink: ISink, pulse: Pulse) -> None:
        self.sink = sink
        self.pulse = pulse
        self.id = ""
        self.app_id = ""
        self.ended = False
        """Closed by us or gone: it hears nothing, is sent nothing and is never established any more."""
        self.session: Session | None = None
        """Set while the connection is established: neither before, nor once it is closing."""
        self.space: AppSpace | None = None
        """The app's tables this socket is registered in; None before and after."""
        self.inbox: deque[tuple[bytes, bool]] | None = None
        """Messages waiting behind an answer; None while nothing is waited for."""
        self.bucket: int | None = None
        """Place in the deadline wheel."""
        self.watching: tuple[str, ...] = ()
        """User ids on this socket's watchlist."""
