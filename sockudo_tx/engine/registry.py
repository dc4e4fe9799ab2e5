"""This process's sockets, channels and users: plain dicts, synchronous, nothing left behind (scaling.md 3)."""

from __future__ import annotations

from typing import NamedTuple

from ..protocol.app import App
from ..protocol.names import ChannelName
from .mirror import Mirror
from .socket import Socket

__all__ = ["PLAIN_SUBSCRIPTION", "AppSpace", "Channel", "Registry", "Subscription"]


class Subscription(NamedTuple):
    """One socket's place in one channel."""

    since_version: int
    """Presence changes up to this version are part of the member list the socket was given."""
    muted: tuple[str, ...] = ()
    """Members the socket hears nothing of: itself, while it changes from one identity to another."""


PLAIN_SUBSCRIPTION = Subscription(0)
"""Shared by every subscription that carries nothing of its own."""


class Channel:
    """A channel with local subscribers."""

    __slots__ = ("mirror", "name", "replays", "subscribers")

    def __init__(self, name: ChannelName) -> None:
        self.name = name
        self.subscribers: dict[Socket, Subscription] = {}
        self.mirror: Mirror | None = None
        """The member list, on presence channels once it is known."""
        self.replays: set[Socket] | None = None
        """Whose cached event is on its way, with no live one sent since they entered; on cache channels."""


class AppSpace:
    """One app's tables on this process. `app` is the record last seen."""

    __slots__ = ("app", "channels", "sockets", "users", "watchers")

    def __init__(self, app: App) -> None:
        self.app = app
        self.sockets: dict[str, Socket] = {}
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, dict[Socket, None]] = {}
        """signed-in user -> sockets, in order of sign-in"""
        self.watchers: dict[str, dict[Socket, None]] = {}
        """watched user -> sockets that watch"""

    def empty(self) -> bool:
        return not (self.sockets or self.channels or self.users or self.watchers)


class Registry:
    """Every app with a live socket or channel. Empty channels, users and apps are removed at once."""

    __slots__ = ("apps",)

    def __init__(self) -> None:
        self.apps: dict[str, AppSpace] = {}

    def space(self, app: App) -> AppSpace:
        """The app's tables, made if need be; its record is brought up to date."""
        space = self.apps.get(app.id)
        if space is None:
            space = self.apps[app.id] = AppSpace(app)
        else:
            space.app = app
        return space

    def add(self, space: AppSpace, socket: Socket) -> None:
        """Register under the socket's id, which the caller knows to be free."""
        space.sockets[socket.id] = socket
        socket.space = space

    def remove(self, space: AppSpace, socket: Socket) -> None:
        space.sockets.pop(socket.id, None)
        socket.space = None
        self.tidy(space)

    def enter(self, space: AppSpace, name: ChannelName, socket: Socket, subscription: Subscription) -> Channel:
        """Make the socket a subscriber; the first one makes the channel."""
        channel = space.channels.get(name.text)
        if channel is None:
            channel = space.channels[name.text] = Channel(name)
        channel.subscribers[socket] = subscription
        return channel

    def exit(self, space: AppSpace, name: str, socket: Socket) -> Channel | None:
        """Take the socket out; the channel it was in, already forgotten when empty, or None."""
        channel = space.channels.get(name)
        if channel is None or channel.subscribers.pop(socket, None) is None:
            return None
        if not channel.subscribers:
            del space.channels[name]
            self.tidy(space)
        return channel

    def bind(self, table: dict[str, dict[Socket, None]], key: str, socket: Socket) -> None:
        """Put the socket under `key` of `users` or `watchers`."""
        table.setdefault(key, {})[socket] = None

    def unbind(self, table: dict[str, dict[Socket, None]], key: str, socket: Socket) -> None:
        sockets = table.get(key)
        if sockets is not None:
            sockets.pop(socket, None)
            if not sockets:
                del table[key]

    def tidy(self, space: AppSpace) -> None:
        """Forget the app's tables once they are empty."""
        if space.empty():
            self.apps.pop(space.app.id, None)
