"""What the authority in memory keeps of an app, and the names it has for what is waited for."""

from __future__ import annotations

from ...interfaces import ChannelCounts, Due
from ...protocol.names import PRESENCE_PREFIX

__all__ = ["NO_APP", "NO_PRESENCE", "AppTable", "PresenceTable", "counts_of", "due_of", "grace_key"]


class PresenceTable:
    """Members of one presence channel; `users` is in join order."""

    __slots__ = ("sockets", "tabs", "users", "version")

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        """user id -> user_info of the user's first connection"""
        self.tabs: dict[str, int] = {}
        """user id -> sockets"""
        self.sockets: dict[str, tuple[str, str]] = {}
        """socket id -> (node, user id)"""
        self.version = 0
        """version of the channel's last change"""


class AppTable:
    """Everything of one app."""

    __slots__ = ("connections", "presence", "subscriptions", "users")

    def __init__(self) -> None:
        self.connections: dict[str, int] = {}
        """node -> open connections"""
        self.subscriptions: dict[str, dict[str, int]] = {}
        """channel -> node -> subscribers"""
        self.presence: dict[str, PresenceTable] = {}
        self.users: dict[str, dict[str, str]] = {}
        """signed-in user -> socket id -> node"""

    def empty(self) -> bool:
        """Whether it can be forgotten."""
        return not (self.connections or self.subscriptions or self.presence or self.users)


# What reading finds where there is nothing; never written to.
NO_PRESENCE = PresenceTable()
NO_APP = AppTable()


def grace_key(app_id: str, channel: str, user_id: str | None = None) -> str:
    """The name of a channel, or of a member of it.

    One text, which the garbage collector never looks at. As tuples they would all be young when a crowd has left,
    which frees more than it makes, and then be looked at in one go: 8 ms for 30,000 [measured].
    """
    whose = "" if user_id is None else f"={user_id}"
    return f"{len(app_id)} {len(channel)} {app_id}{channel}{whose}"


def due_of(key: str) -> Due:
    """What has come due under a name that `grace_key` made."""
    app_size, channel_size, text = key.split(" ", 2)
    end = int(app_size)
    app_id, rest = text[:end], text[end:]
    end = int(channel_size)
    channel, whose = rest[:end], rest[end:]
    if whose:
        return Due(app_id, "member_removed", channel, whose[1:])
    return Due(app_id, "channel_vacated", channel, None)


def counts_of(app: AppTable, channel: str) -> ChannelCounts:
    """Zero for a channel that nobody has."""
    subscriptions = sum(app.subscriptions.get(channel, {}).values())
    users = len(app.presence.get(channel, NO_PRESENCE).users) if channel.startswith(PRESENCE_PREFIX) else None
    return ChannelCounts(subscriptions, users)
