"""The mirrors of this process: kept true by what the authority publishes, and told to clients (scaling.md 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import BackendError, IAuthority, PresenceChange, Snapshot
from ..protocol import messages
from .answers import ask
from .broadcast import deliver_control
from .mirror import Applied, Mirror
from .registry import Registry
from .tables import Channel

__all__ = ["Mirrors"]

Key = tuple[str, str]
"""App id and channel."""


class Mirrors:
    """Applies changes, fetches member lists, and tells clients the differences and nothing else."""

    _log = Logger()

    def __init__(self, registry: Registry, authority: IAuthority) -> None:
        self._registry = registry
        self._authority = authority
        self._fetches: dict[Key, int] = {}
        """channel -> how many times its member list is on its way"""
        self._heard: dict[Key, list[PresenceChange]] = {}
        """channel -> what was published meanwhile"""
        self._resyncs: set[Key] = set()
        self._together: dict[Channel, list[tuple[str, int]]] | None = None
        """channel -> removed members and versions that are still to be told, inside `together`"""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Members removed here and now are told channel by channel in the end: the audience is found once."""
        removed = self._together = {}
        try:
            yield
        finally:
            self._together = None
            for channel, members in removed.items():
                _tell_all_removed(channel, members)

    def changed(self, change: PresenceChange) -> None:
        """A transition the authority published: apply it to the mirror, tell what it changed."""
        key = (change.app_id, change.channel)
        if key in self._heard:
            self._heard[key].append(change)
        channel = self._channel(key)
        if channel is None or channel.mirror is None:
            return
        applied = channel.mirror.apply(change)
        if applied is Applied.CHANGED and change.joined:
            _tell_added(channel, change.user_id, change.user_info, change.version)
        elif applied is Applied.CHANGED and self._together is not None:
            self._together.setdefault(channel, []).append((change.user_id, change.version))
        elif applied is Applied.CHANGED:
            _tell_removed(channel, change.user_id, change.version)
        elif applied is Applied.GAP:
            self._resync(key)

    def adopt(self, channel: Channel | None, mirror: Mirror) -> Mirror:
        """The newer of this member list and the channel's own, whose subscribers are told the difference."""
        current = channel.mirror if channel is not None else None
        if channel is None or current is None:
            return mirror
        if mirror.epoch != current.epoch:
            for socket, sub in channel.subscribers.items():  # the versions of another epoch mean nothing here
                channel.subscribers[socket] = sub._replace(since_version=0)
        elif mirror.version <= current.version:
            return current
        if self._together is not None:  # in order
            _tell_all_removed(channel, self._together.pop(channel, []))
        gone, new = current.resync(mirror)
        for user_id in gone:
            _tell_removed(channel, user_id, current.version)
        for user_id, info in new:
            _tell_added(channel, user_id, info, current.version)
        return current

    def fetch(
        self, key: Key, then: Callable[[Mirror], None], otherwise: Callable[[BackendError], None]
    ) -> Deferred[None] | None:
        """The member list, with what was published while it was on its way."""
        self._fetches[key] = self._fetches.get(key, 0) + 1
        heard = self._heard.setdefault(key, [])

        def arrived() -> None:
            self._fetches[key] -= 1
            if not self._fetches[key]:
                del self._fetches[key], self._heard[key]

        def found(snapshot: Snapshot) -> None:
            arrived()
            mirror = Mirror(snapshot)
            gaps = [mirror.apply(change) for change in heard].count(Applied.GAP)
            then(mirror)
            if gaps:
                self._resync(key)

        def failed(error: BackendError) -> None:
            arrived()
            otherwise(error)

        return ask(lambda: self._authority.snapshot(*key), found, failed)

    def _resync(self, key: Key) -> None:
        """A change was lost: compare with the authority, once for all the changes that show it."""
        if key in self._resyncs:
            return
        self._resyncs.add(key)

        def found(mirror: Mirror) -> None:
            self._resyncs.discard(key)
            self.adopt(self._channel(key), mirror)

        def failed(error: BackendError) -> None:
            self._resyncs.discard(key)
            self._log.warn("a member list could not be repaired: {error}", error=str(error))

        self.fetch(key, found, failed)

    def _channel(self, key: Key) -> Channel | None:
        space = self._registry.apps.get(key[0])
        return space.channels.get(key[1]) if space is not None else None


def _tell_added(channel: Channel, user_id: str, user_info: str, version: int) -> None:
    _tell(channel, messages.member_added(channel.name.text, user_id, user_info), user_id, version)


def _tell_removed(channel: Channel, user_id: str, version: int) -> None:
    _tell(channel, messages.member_removed(channel.name.text, user_id), user_id, version)


def _tell(channel: Channel, text: str, user_id: str, version: int) -> None:
    """To every socket whose member list is older than `version`."""
    told = [
        socket
        for socket, sub in channel.subscribers.items()
        if sub.since_version < version and user_id not in sub.muted and not socket.ended
    ]
    deliver_control(told, text, channel.tally)


def _tell_all_removed(channel: Channel, members: list[tuple[str, int]]) -> None:
    """`_tell_removed` of each, in order of versions."""
    if len(members) == 1:
        _tell_removed(channel, *members[0])
        return
    audience = [(socket, sub) for socket, sub in channel.subscribers.items() if not socket.ended]
    if not members or not audience:
        return
    usual = all(sub.since_version < members[0][1] and not sub.muted for _, sub in audience)
    for user_id, version in members:
        text = messages.member_removed(channel.name.text, user_id)
        told = [s for s, sub in audience if usual or (sub.since_version < version and user_id not in sub.muted)]
        deliver_control(told, text, channel.tally)
