"""What a server should do, written as simply as possible: the model `test_session_model` holds the real one to.

Everything happens in one turn, so the model works out, for each action, the exact texts every socket must
receive and in which order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.protocol.case import added, count, error, event, presence, quoted, removed, succeeded, watchlist

MEMBER_LIMIT = 2
UNSIGNED = error(4009, "Authentication error: Channel requires authentication")
FULL = error(4100, "Over capacity")
WRONG_USER = error(4009, "Authentication error: Connection is already signed in as another user")
NOT_SIGNED = error(4009, "Authentication error: Connection not authorized for signin.")
ONLY_PRIVATE = error(4301, "Client event error: Client events can only be sent to private or presence channels")
TERMINATED = error(4009, "You got disconnected by the app.")
USER_CHANNEL = "#server-to-user-"


@dataclass(eq=False)
class ModelSocket:
    """One connection: where it is, who it is, and what it still has to receive."""

    id: str
    channels: dict[str, str | None] = field(default_factory=dict)
    """channel -> member id on presence channels"""
    user: str | None = None
    watching: list[str] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    closed: bool = False


class Model:
    """All sockets of one app."""

    def __init__(self, counts: bool) -> None:
        self.counts = counts
        self.sockets: list[ModelSocket] = []
        self.members: dict[str, dict[str, tuple[Any, list[ModelSocket]]]] = {}
        """presence channel -> user -> (user_info of the first connection, connections), in join order"""
        self.users: dict[str, list[ModelSocket]] = {}
        self.cached: dict[str, str] = {}
        self._changed: dict[str, bool] = {}
        """channel whose count changed, in order -> whether somebody entered"""
        self._told: dict[str, int] = {}

    def inside(self, channel: str) -> list[ModelSocket]:
        return [socket for socket in self.sockets if channel in socket.channels]

    def occupied(self) -> list[str]:
        names = {name for socket in self.sockets for name in socket.channels}
        return sorted(name for name in names if not name.startswith(USER_CHANNEL))

    # What clients do.

    def subscribe(self, socket: ModelSocket, channel: str, signed: bool, user: str, info: Any) -> None:
        if channel.startswith(USER_CHANNEL):
            if socket.user != channel.removeprefix(USER_CHANNEL):
                socket.due.append(UNSIGNED)
                return
        elif channel.startswith(("private-", "presence-")) and not signed:
            socket.due.append(UNSIGNED)
            return
        if channel.startswith("presence-"):
            if not self._join(socket, channel, user, info):
                socket.due.append(FULL)
                return
            listed = [(user_id, info) for user_id, (info, _) in self.members[channel].items()]
            socket.due.append(presence(channel, *listed))
        else:
            self._enter(socket, channel, None)
            socket.due.append(succeeded(channel))
        if channel.startswith(("cache-", "private-cache-", "presence-cache-")):
            socket.due.append(self.cached.get(channel, event("pusher:cache_miss", channel)))

    def _join(self, socket: ModelSocket, channel: str, user: str, info: Any) -> bool:
        members = self.members.setdefault(channel, {})
        old = socket.channels.get(channel)
        if old == user:
            return True
        leaves = old is not None and members[old][1] == [socket]
        if user not in members and len(members) - leaves >= MEMBER_LIMIT:
            return False
        if old is not None:
            self._part(socket, channel, old)
            members = self.members.setdefault(channel, {})
        if user in members:
            members[user][1].append(socket)
        else:
            members[user] = (info, [socket])
            self._tell_others(socket, channel, added(channel, user, info))
        self._enter(socket, channel, user)
        return True

    def unsubscribe(self, socket: ModelSocket, channel: str) -> None:
        if channel in socket.channels:
            self._leave(socket, channel)

    def signin(self, socket: ModelSocket, user: str, signed: bool, watched: list[str], user_data: str) -> None:
        if not signed or socket.user not in (None, user):
            socket.due.append(NOT_SIGNED if not signed else WRONG_USER)
            return
        socket.due.append(f'{{"event":"pusher:signin_success","data":{{"user_data":{quoted(user_data)}}}}}')
        if socket.user is None:
            socket.user = user
            self.users.setdefault(user, []).append(socket)
            if len(self.users[user]) == 1:
                self._tell_watchers(user, "online")
        socket.watching = watched
        entries = [
            ("online", [user_id for user_id in watched if user_id in self.users]),
            ("offline", [user_id for user_id in watched if user_id not in self.users]),
        ]
        if watched:
            socket.due.append(watchlist(*[(name, ids) for name, ids in entries if ids]))

    def client_event(self, socket: ModelSocket, channel: str, data: str | None) -> None:
        if not channel.startswith(("private-", "presence-")):
            socket.due.append(ONLY_PRIVATE)
        elif channel not in socket.channels:
            text = f"Client event error: Socket {socket.id} is not subscribed to channel {channel}"
            socket.due.append(error(4301, text))
        else:
            member = socket.channels[channel]
            text = f'{{"event":"client-x","channel":"{channel}"'
            text += f',"data":{data}' if data is not None else ""
            text += f',"user_id":"{member}"}}' if member is not None else "}"
            self._tell_others(socket, channel, text)

    def leave(self, socket: ModelSocket) -> None:
        """The connection is over, for whatever reason."""
        self.sockets.remove(socket)
        socket.closed = True
        for channel in list(socket.channels):
            self._leave(socket, channel)
        socket.watching = []
        if socket.user is not None:
            self.users[socket.user].remove(socket)
            if not self.users[socket.user]:
                del self.users[socket.user]
                self._tell_watchers(socket.user, "offline")

    # What backends and time do.

    def publish(self, channels: list[str], name: str, data: str, excluded: str | None) -> None:
        for channel in channels:
            text = event(name, channel, data)
            if channel.startswith(USER_CHANNEL):
                receivers = self.users.get(channel.removeprefix(USER_CHANNEL), [])
            else:
                receivers = self.inside(channel)
            for socket in receivers:
                if socket.id != excluded:
                    socket.due.append(text)
            if channel.startswith(("cache-", "private-cache-", "presence-cache-")):
                self.cached[channel] = text

    def terminate(self, user: str) -> None:
        for socket in list(self.users.get(user, [])):
            socket.due.append(TERMINATED)
            self.leave(socket)

    def settle(self) -> None:
        """A tenth of a second has passed: changed subscriber counts are told, and newcomers their first."""
        changed, self._changed = self._changed, {}
        for channel, entered in changed.items():
            inside = self.inside(channel)
            if not inside:
                self._told.pop(channel, None)
            elif entered or self._told.get(channel) != len(inside):
                self._told[channel] = len(inside)
                for socket in inside:
                    socket.due.append(count(channel, len(inside)))

    # Parts.

    def _enter(self, socket: ModelSocket, channel: str, member: str | None) -> None:
        if channel not in socket.channels:
            self._count(channel, entered=True)
        socket.channels[channel] = member

    def _leave(self, socket: ModelSocket, channel: str) -> None:
        member = socket.channels.pop(channel)
        if member is not None:
            self._part(socket, channel, member)
        self._count(channel, entered=False)

    def _part(self, socket: ModelSocket, channel: str, user: str) -> None:
        _, sockets = self.members[channel][user]
        sockets.remove(socket)
        if not sockets:
            del self.members[channel][user]
            self._tell_others(socket, channel, removed(channel, user))
        if not self.members[channel]:
            del self.members[channel]

    def _count(self, channel: str, *, entered: bool) -> None:
        if self.counts and not channel.startswith(("presence-", USER_CHANNEL)):
            self._changed[channel] = self._changed.get(channel, False) or entered

    def _tell_others(self, socket: ModelSocket, channel: str, text: str) -> None:
        for other in self.inside(channel):
            if other is not socket:
                other.due.append(text)

    def _tell_watchers(self, user: str, name: str) -> None:
        for socket in self.sockets:
            if user in socket.watching:
                socket.due.append(watchlist((name, [user])))


def alternates(facts: list[Any]) -> list[str]:
    """Where beginnings and endings of one thing do not alternate among webhook facts."""
    pairs = {"channel_occupied": True, "channel_vacated": False, "member_added": True, "member_removed": False}
    state: dict[tuple[str, str | None], bool] = {}
    wrong = []
    for fact in facts:
        if fact.name in pairs:
            key = (fact.channel, fact.user_id)
            if state.get(key, False) == pairs[fact.name]:
                wrong.append(json.dumps(fact))
            state[key] = pairs[fact.name]
    return wrong
