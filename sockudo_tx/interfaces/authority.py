"""Who decides every shared transition (scaling.md 5.1)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from zope.interface import Attribute, Interface

from .answers import Answer

__all__ = [
    "ChannelCounts",
    "Due",
    "Dues",
    "IAuthority",
    "IAuthorityListener",
    "Joined",
    "Lease",
    "NodeFacts",
    "Parted",
    "PresenceChange",
    "Snapshot",
    "UserChange",
]


class Joined(NamedTuple):
    """Answer of `IAuthority.join`."""

    outcome: Literal["ok", "dup", "limit"]
    """`dup`: this socket is already this member."""
    first: bool = False
    """The user was not in the channel before: a `PresenceChange` was published."""
    webhook: bool = False
    """`first`, and no removal of the same user was pending: a member_added fact is due."""
    version: int = 0
    """The channel's version after the join; a mirror at least this new contains the member."""


class Parted(NamedTuple):
    """Answer of `IAuthority.part`."""

    last: bool
    version: int


class PresenceChange(NamedTuple):
    """One transition of a presence channel, published in the step that made it (scaling.md 4.3, R3)."""

    app_id: str
    channel: str
    epoch: str
    previous: int
    version: int
    joined: bool
    user_id: str
    user_info: str


class UserChange(NamedTuple):
    """A user came online (first signed-in socket) or went offline (last one gone)."""

    app_id: str
    user_id: str
    online: bool


class Snapshot(NamedTuple):
    """A presence channel's members, user id to user_info (JSON text), in join order."""

    epoch: str
    version: int
    members: Mapping[str, str]


class ChannelCounts(NamedTuple):
    """Cluster-wide counts of one channel. `users` is None where the channel is not a presence channel."""

    subscriptions: int
    users: int | None


class Due(NamedTuple):
    """Something whose time has come to be told: a disappearance after its grace, or how many subscribers there are."""

    app_id: str
    name: Literal["channel_vacated", "member_removed", "subscription_count"]
    channel: str
    user_id: str | None = None
    """Of `member_removed`."""
    total: int | None = None
    """Of `subscription_count`: subscribers in the whole cluster, now."""
    again: bool = False
    """Of `subscription_count`: the total is what was told last, but somebody came who has not heard it."""


class Dues(NamedTuple):
    """Answer of `IAuthority.due`."""

    found: list[Due]
    wait: float | None
    """Seconds until there is more, 0 when there is more now; None when nothing is pending."""


class Lease(NamedTuple):
    """Answer of `IAuthority.lease`."""

    epoch: str
    fenced: bool
    """This id was reaped: its node was taken for dead, and needs a new id."""


class NodeFacts(NamedTuple):
    """What a node owns, or a part of it."""

    connections: Mapping[str, int] = {}
    """app id -> open connections"""
    channels: Sequence[tuple[str, str, int]] = ()
    """app id, channel, the node's subscribers"""
    members: Sequence[tuple[str, str, str, str, str]] = ()
    """app id, channel, socket id, user id, user_info"""
    users: Sequence[tuple[str, str, str]] = ()
    """app id, user id, socket id"""


class IAuthorityListener(Protocol):
    """Hears what the authority publishes, in the same step as the transition."""

    def presence_changed(self, change: PresenceChange) -> None: ...

    def user_changed(self, change: UserChange) -> None: ...


class IAuthority(Interface):
    """Decides every shared transition in one atomic step and publishes it in that step (scaling.md 5.1).

    Operations are idempotent per (node, fact). `node` is the caller's node id. Anything may fail with
    `BackendError`.
    """

    epoch: str = Attribute("Random id of this state's lifetime.")

    def listen(listener: IAuthorityListener) -> None:
        """Deliver published changes to this listener, in order per channel.

        A driver whose changes come as frames on the bus never calls it.
        """

    def lease(node: str, ttl: float) -> Answer[Lease]:
        """This node lives, and will for `ttl` seconds without another word. Not extended for an id that was reaped."""

    def reap(node: str, most: int = 200) -> Answer[int]:
        """Remove facts of the node as if they were left one by one, about `most`; 0 when none is left, else more.

        The work of one call is bounded by `most`, however much the authority holds: call until it answers 0. From the
        first call on the id is fenced.
        """

    def register(node: str, facts: NodeFacts) -> Answer[None]:
        """The node has these facts, quietly: no change is published and nothing becomes due; connections are set.

        Only adds: what is not named stays as it is. A socket that another id of the node has registered is taken over,
        so that who changes ids registers everything under the new one, and then reaps the old one: everybody learns of
        exactly what is no more, and of nothing else.
        """

    def conn_open(app_id: str, node: str, limit: int) -> Answer[bool]:
        """Admit and count one connection unless `limit` (0 = none) are open already."""

    def conn_close(app_id: str, node: str, count: int) -> Answer[None]:
        """Take `count` admitted connections back."""

    def occupy(app_id: str, channel: str, node: str) -> Answer[bool]:
        """This node has subscribers. True when a channel_occupied fact is due (no pending vacate)."""

    def vacate(app_id: str, channel: str, node: str) -> Answer[None]:
        """This node has no subscribers any more; the last node starts the grace of channel_vacated."""

    def count(
        app_id: str, channel: str, node: str, subscriptions: int, pace: float | None = None, newcomer: bool = False
    ) -> Answer[int]:
        """Set this node's subscriber count; the cluster-wide total.

        With a `pace` somebody wants to know totals: until the channel is vacated, or counted without one, each change
        makes a `subscription_count` due, in 0.1 s while the total is at most 100, else in `pace` seconds; of a channel
        one at a time, the quick before the slow. It is told when it differs from what was told last, or when a
        `newcomer` came to at most 100. The last subscriber's leaving tells 0 (decisions.md 46).
        """

    def join(
        app_id: str, channel: str, node: str, socket_id: str, user_id: str, user_info: str, limit: int
    ) -> Answer[Joined]:
        """Make the socket this member. Publishes a change when the user is new; `limit` 0 = none."""

    def part(app_id: str, channel: str, node: str, socket_id: str) -> Answer[Parted]:
        """Undo the socket's join. Publishes a change when the user's last socket went."""

    def snapshot(app_id: str, channel: str) -> Answer[Snapshot]:
        """The member list now."""

    def versions(channels: Sequence[tuple[str, str]]) -> Answer[list[tuple[str, int]]]:
        """Epoch and version of the last change of each of these presence channels (app id, channel); 0 if none."""

    def counts(app_id: str, channel: str) -> Answer[ChannelCounts]:
        """Counts of one channel; zeros when unoccupied."""

    def channels(app_id: str, prefix: str) -> Answer[dict[str, ChannelCounts]]:
        """Occupied channels whose name starts with `prefix`."""

    def user_up(app_id: str, user_id: str, node: str, socket_id: str) -> Answer[bool]:
        """The socket is signed in as the user; True when it is the user's first."""

    def user_down(app_id: str, user_id: str, node: str, socket_id: str) -> Answer[bool]:
        """The socket is gone or signed out; True when it was the user's last."""

    def online(app_id: str, user_ids: Iterable[str]) -> Answer[set[str]]:
        """Which of these users have a signed-in socket."""

    def user_connections(app_id: str, user_id: str) -> Answer[int]:
        """How many signed-in sockets the user has."""

    def due(most: int = sys.maxsize, final: bool = False) -> Answer[Dues]:
        """Pop what has become due, at most so many, oldest first; each goes to exactly one caller.

        `final`: the caller leaves and nobody comes after it: every disappearance that is pending, without its grace;
        totals are not told any more.
        """
