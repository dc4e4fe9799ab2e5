"""What a session asks the server to do: nine kinds of frozen values, performed in order.

Send     a text to this socket                Relay    a client event to a channel
Join     enter a channel                      Signin   bind this socket to a user
Leave    leave a channel                      Replay   a cache channel's last event, or a miss
Watch    hear of users' comings and goings    Enable   deltas on all channels
                                              Resync   deltas of a channel begin anew
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .names import ChannelName
from .tags import Filter

__all__ = [
    "Asked",
    "Effect",
    "Enable",
    "Join",
    "Leave",
    "Member",
    "Relay",
    "Replay",
    "Resync",
    "Send",
    "Signin",
    "Watch",
]


class Member(NamedTuple):
    """A presence identity: `user_info` is compact JSON text."""

    user_id: str
    user_info: str


class Asked(NamedTuple):
    """What a subscription may ask for beside its channel."""

    filter: Filter | None
    delta: Any
    """The member as it came, never a fault; `delta.wishes` reads it."""


class Send(NamedTuple):
    """Queue `text` to this socket; never dropped for slowness before its limits."""

    text: str


class Join(NamedTuple):
    """Enter the channel; `member` is set exactly on presence channels."""

    channel: ChannelName
    member: Member | None
    asked: Asked | None = None


class Leave(NamedTuple):
    """Leave a channel this socket was in, as `member` on presence channels."""

    channel: str
    member: Member | None


class Relay(NamedTuple):
    """Deliver a client event to everyone else in the channel.

    `data` is the event's data as JSON text, None when absent; `user_id` is the sender's presence id.
    """

    channel: str
    event: str
    data: str | None
    user_id: str | None


class Signin(NamedTuple):
    """Register this socket under `user_id`."""

    user_id: str


class Watch(NamedTuple):
    """Tell this socket which of these users are online, and of changes; already cut to the limit."""

    watchlist: tuple[str, ...]


class Replay(NamedTuple):
    """Send the channel's cached event, or `pusher:cache_miss`."""

    channel: str


class Enable(NamedTuple):
    """Send deltas, of an algorithm in `data["algorithms"]` if there is such a list; `data` as it came."""

    data: Any


class Resync(NamedTuple):
    """The client has lost what the next delta of this channel would be against."""

    channel: str


Effect = Send | Join | Leave | Relay | Signin | Watch | Replay | Enable | Resync
