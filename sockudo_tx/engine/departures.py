"""How connections end: what is known of one when it leaves, for the log's one line about it (http-api.md 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from ..protocol.errors import PeerError
from ..protocol.session import Session
from .tables import Socket

__all__ = ["LOST", "Departed", "Departure", "Ending", "departure", "ended_by"]


class Ending(NamedTuple):
    """Who ended a connection, and with which Close code (RFC 6455 7.4)."""

    by: Literal["server", "client", "network"]
    code: int
    reason: str = ""


LOST = Ending("network", 1006, "connection lost")
"""The transport went without a Close frame."""


class Departure(NamedTuple):
    """A connection that has ended. Refused ones have no socket id and no app."""

    app_id: str
    socket_id: str
    user_id: str | None
    address: str
    client: str
    """Library and version as the client names them, such as `js/8.4.0`."""
    seconds: float
    """How long it was open."""
    channels: int
    """In how many it was at the end."""
    ending: Ending


Departed = Callable[[Departure], None]
"""Takes a departure, in the middle of leaving: it must be quick and never fail."""


def ended_by(fault: PeerError) -> Ending:
    """The server refuses or ends it."""
    return Ending("server", fault.code, fault.text)


def departure(socket: Socket, session: Session | None, now: float, ending: Ending) -> Departure:
    """What is known of a socket that is about to lose this session."""
    user = session.user if session is not None else None
    return Departure(
        socket.app_id,
        socket.id,
        user.user_id if user is not None else None,
        socket.address,
        socket.client,
        now - socket.since,
        len(session.channels) if session is not None else 0,
        ending,
    )
