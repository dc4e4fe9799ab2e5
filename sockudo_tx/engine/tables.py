"""What the tables of this process hold: sockets, their places in channels, channels and apps (scaling.md 3)."""

from __future__ import annotations

from typing import NamedTuple

from ..delta.settings import RuleBook
from ..delta.streams import Streams
from ..delta.wishes import Wishes
from ..interfaces import ISink
from ..protocol.app import App
from ..protocol.limits import SlidingWindow
from ..protocol.liveness import Pulse
from ..protocol.names import ChannelName
from ..protocol.session import Session
from .audiences import CROWD, Audience
from .inbox import Inbox
from .mirror import Mirror
from .tailored.segments import Segments
from .tally import AppTally

__all__ = ["PLAIN_SUBSCRIPTION", "AppSpace", "Channel", "Socket", "Subscription"]


class Socket:
    """A connection: its sink, its protocol session, and where it stands in the tables.

    Compared and hashed by identity: it is the key of every table it is in.
    """

    __slots__ = (
        "address",
        "app_id",
        "bucket",
        "client",
        "ended",
        "id",
        "inbox",
        "pace",
        "pulse",
        "session",
        "since",
        "sink",
        "space",
        "watching",
        "wishes",
    )

    def __init__(self, sink: ISink, pulse: Pulse, address: str = "", client: str = "") -> None:
        self.address = address
        self.client = client
        self.since = pulse.heard_at
        """When the connection began."""
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
        self.inbox: Inbox | None = None
        """Messages waiting behind an answer; None while nothing is waited for."""
        self.pace: SlidingWindow | None = None
        """Its messages, once there is one and where their rate is limited."""
        self.bucket: int | None = None
        """Place in the deadline wheel."""
        self.watching: tuple[str, ...] = ()
        """User ids on this socket's watchlist."""
        self.wishes: Wishes | None = None
        """What it has said of deltas, once it has."""


class Subscription(NamedTuple):
    """One socket's place in one channel."""

    since_version: int
    """Presence changes up to this version are part of the member list the socket was given."""
    muted: tuple[str, ...] = ()
    """Members the socket hears nothing of: itself, while it changes from one identity to another."""


PLAIN_SUBSCRIPTION = Subscription(0)
"""Shared by every subscription that carries nothing of its own."""


class Channel:
    """A channel with local subscribers. They come and go through the registry only."""

    __slots__ = ("audience", "kind", "mirror", "name", "replays", "segments", "streams", "subscribers", "tally")

    def __init__(self, name: ChannelName, tally: AppTally) -> None:
        self.name = name
        self.kind = name.kind
        self.tally = tally
        """The counts of its app."""
        self.subscribers: dict[Socket, Subscription] = {}
        self.audience: Audience | None = None
        """The subscribers' sinks, kept between two broadcasts while nobody comes or goes."""
        self.mirror: Mirror | None = None
        """The member list, on presence channels once it is known."""
        self.replays: set[Socket] | None = None
        """Whose cached event is on its way, with no live one sent since they entered; on cache channels."""
        self.segments: Segments | None = None
        """Who gets what, while some subscriber has a filter or gets deltas; else all get the same."""
        self.streams: Streams | None = None
        """The numbered messages, once somebody got deltas."""


class AppSpace:
    """One app's tables on this process. `app` is the record last seen."""

    __slots__ = ("alive", "app", "channels", "rules", "sockets", "tally", "users", "watchers")

    def __init__(self, app: App, tally: AppTally) -> None:
        self.app = app
        self.tally = tally
        """The app's counts, which outlive these tables."""
        self.sockets: dict[str, Socket] = {}
        self.alive = 0
        """Of these, those that have not ended."""
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, dict[Socket, None]] = {}
        """signed-in user -> sockets, in order of sign-in"""
        self.watchers: dict[str, dict[Socket, None]] = {}
        """watched user -> sockets that watch"""
        self.rules = RuleBook()
        """What its channels' settings come to."""

    def crowded(self, channel: str) -> bool:
        """Whether the channel has many subscribers here."""
        found = self.channels.get(channel)
        return found is not None and len(found.subscribers) >= CROWD

    def empty(self) -> bool:
        return not (self.sockets or self.channels or self.users or self.watchers)
