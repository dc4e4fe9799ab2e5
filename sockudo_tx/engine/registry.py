"""Into this process's tables and out of them: plain dicts, synchronous, nothing left behind (scaling.md 3)."""

from __future__ import annotations

from ..protocol.app import App
from ..protocol.names import ChannelName
from .tables import AppSpace, Channel, Socket, Subscription
from .tally import Tally

__all__ = ["Registry"]


class Registry:
    """Every app with a live socket or channel. Empty channels, users and apps are removed at once.

    Connections are counted here, because they come and go nowhere else.
    """

    __slots__ = ("apps", "tally")

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.apps: dict[str, AppSpace] = {}

    def space(self, app: App) -> AppSpace:
        """The app's tables, made if need be; its record is brought up to date."""
        space = self.apps.get(app.id)
        if space is None:
            space = self.apps[app.id] = AppSpace(app, self.tally.of(app.id))
        else:
            space.app = app
        return space

    def add(self, space: AppSpace, socket: Socket) -> None:
        """Register under the socket's id, which the caller knows to be free."""
        space.sockets[socket.id] = socket
        space.tally.connections += 1
        socket.space = space

    def remove(self, space: AppSpace, socket: Socket) -> None:
        if space.sockets.pop(socket.id, None) is not None:
            space.tally.disconnections += 1
        socket.space = None
        self.tidy(space)

    def enter(self, space: AppSpace, name: ChannelName, socket: Socket, subscription: Subscription) -> Channel:
        """Make the socket a subscriber; the first one makes the channel."""
        channel = space.channels.get(name.text)
        if channel is None:
            channel = space.channels[name.text] = Channel(name, space.tally)
        channel.subscribers[socket] = subscription
        channel.audience = None
        return channel

    def exit(self, space: AppSpace, name: str, socket: Socket) -> Channel | None:
        """Take the socket out; the channel it was in, already forgotten when empty, or None."""
        channel = space.channels.get(name)
        if channel is None or channel.subscribers.pop(socket, None) is None:
            return None
        channel.audience = None
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
