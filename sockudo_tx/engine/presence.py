"""Presence: members of a channel, and telling the others (protocol.md 9, scaling.md 6.3-6.4)."""

from __future__ import annotations

import sys
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import BackendError, IAuthority, Joined, PresenceChange, Snapshot
from ..protocol import messages
from ..protocol.effects import Member
from ..protocol.names import ChannelName
from .answers import ask
from .broadcast import deliver_control
from .mirror import Applied, Mirror
from .registry import AppSpace, Channel, Registry, Subscription
from .socket import Socket

__all__ = ["Presence"]

_MUTED = Subscription(sys.maxsize)
"""A socket that changes its own identity hears nothing of it."""


class Presence:
    """Asks the authority for every transition and keeps the mirrors that clients are told from."""

    _log = Logger()

    def __init__(
        self, registry: Registry, authority: IAuthority, node: str, graces_changed: Callable[[], None]
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._node = node
        self._graces_changed = graces_changed

    def join(
        self,
        socket: Socket,
        name: ChannelName,
        member: Member,
        limit: int,
        admitted: Callable[[Joined, Mirror], None],
        refused: Callable[[BackendError | None], None],
    ) -> Deferred[None] | None:
        """Make the socket this member: `admitted` with the member list, or `refused` (None: channel full).

        A socket that is already another member leaves as that one first, unless the new one is refused.
        """
        space = socket.space
        assert space is not None
        assert socket.session is not None
        old = socket.session.channels.get(name.text)
        if old is not None:
            space.channels[name.text].subscribers[socket] = _MUTED
            self.part(space.app.id, name.text, socket.id)
        later: list[Deferred[None] | None] = []

        def decided(joined: Joined) -> None:
            if joined.outcome == "limit":
                if old is not None and socket.session is not None:
                    self._stay(socket, space, name, old)
                refused(None)
            else:
                later.append(self._with_mirror(space, name, joined, admitted, refused))

        wait = ask(lambda: self._join(space.app.id, name.text, socket.id, member, limit), decided, refused)
        if wait is not None:
            return wait.addCallback(lambda _: later[0] if later else None)
        return later[0] if later else None

    def part(self, app_id: str, channel: str, socket_id: str) -> None:
        """Undo the socket's join."""
        ask(
            lambda: self._authority.part(app_id, channel, self._node, socket_id),
            lambda _: self._graces_changed(),
            self._lost,
        )

    def changed(self, change: PresenceChange) -> None:
        """A transition the authority published: apply it to the mirror, tell what it changed."""
        space = self._registry.apps.get(change.app_id)
        channel = space.channels.get(change.channel) if space is not None else None
        if channel is None or channel.mirror is None:
            return
        applied = channel.mirror.apply(change)
        if applied is Applied.CHANGED:
            if change.joined:
                text = messages.member_added(change.channel, change.user_id, change.user_info)
            else:
                text = messages.member_removed(change.channel, change.user_id)
            _tell(channel, text, change.version)
        elif applied is Applied.GAP:
            self._resync(change.app_id, channel)

    def _join(self, app_id: str, channel: str, socket_id: str, member: Member, limit: int) -> Joined | Deferred[Joined]:
        answer: Joined | Deferred[Joined] = self._authority.join(
            app_id, channel, self._node, socket_id, member.user_id, member.user_info, limit
        )
        return answer

    def _with_mirror(
        self,
        space: AppSpace,
        name: ChannelName,
        joined: Joined,
        admitted: Callable[[Joined, Mirror], None],
        refused: Callable[[BackendError | None], None],
    ) -> Deferred[None] | None:
        channel = space.channels.get(name.text)
        if channel is not None and channel.mirror is not None and channel.mirror.version >= joined.version:
            admitted(joined, channel.mirror)
            return None
        return ask(
            lambda: self._authority.snapshot(space.app.id, name.text),
            lambda snapshot: admitted(joined, Mirror(snapshot)),
            refused,
        )

    def _stay(self, socket: Socket, space: AppSpace, name: ChannelName, old: Member) -> None:
        """The new identity was refused: the old one never left, its other sockets held its place."""
        self._join(space.app.id, name.text, socket.id, old, 0)
        channel = space.channels[name.text]
        channel.subscribers[socket] = Subscription(channel.mirror.version if channel.mirror is not None else 0)

    def _resync(self, app_id: str, channel: Channel) -> None:
        def apply(snapshot: Snapshot) -> None:
            if channel.mirror is None:
                return
            name = channel.name.text
            gone, new = channel.mirror.resync(snapshot)
            for user_id in gone:
                _tell(channel, messages.member_removed(name, user_id), snapshot.version)
            for user_id, info in new:
                _tell(channel, messages.member_added(name, user_id, info), snapshot.version)

        ask(lambda: self._authority.snapshot(app_id, channel.name.text), apply, self._lost)

    def _lost(self, error: BackendError) -> None:
        self._log.warn("presence state is unavailable: {error}", error=str(error))


def _tell(channel: Channel, text: str, version: int) -> None:
    """To every socket whose member list is older than `version`."""
    deliver_control([socket for socket, sub in channel.subscribers.items() if sub.since_version < version], text)
