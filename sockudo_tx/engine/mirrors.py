"""The mirrors of this process: kept true by what the authority publishes, and told to clients (scaling.md 6.4)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import BackendError, IAuthority, PresenceChange, Snapshot
from ..protocol import messages
from .answers import ask
from .broadcast import deliver_control
from .mirror import Applied, Mirror
from .registry import Registry
from .repeats import Repeats
from .tables import Channel

if TYPE_CHECKING:
    from .cluster.awaited import Awaited

__all__ = ["Key", "Mirrors"]

Key = tuple[str, str]
"""App id and channel."""
FETCHES = 50
"""Member lists on their way at once, when many are compared."""


class Mirrors:
    """Applies changes, fetches member lists, and tells clients the differences and nothing else."""

    _log = Logger()

    def __init__(self, registry: Registry, authority: IAuthority, repeats: Repeats) -> None:
        self._registry = registry
        self._authority = authority
        self._repeats = repeats
        self._fetches: dict[Key, int] = {}
        """channel -> how many times its member list is on its way"""
        self._heard: dict[Key, list[PresenceChange]] = {}
        """channel -> what was published meanwhile"""
        self._resyncs: set[Key] = set()
        self._waiting: dict[Key, str] = {}
        """channel that is compared when others are -> why"""
        self._settling = False
        """The authority has lost what it knew, and not every node has told it again: nobody leaves."""
        self._awaited: Awaited | None = None
        self._seen: Callable[[str], bool] | None = None
        self._counted: Counter[str] | None = None
        self._together: dict[Channel, list[tuple[str, int]]] | None = None
        """channel -> removed members and versions that are still to be told, inside `together`"""

    def join_cluster(self, awaited: Awaited, seen: Callable[[str], bool], counted: Counter[str]) -> None:
        """Changes come over a bus from now on: some may come late or not at all.

        `seen` is told of the epoch of each list; `counted` counts lists that are fetched again, by reason.
        """
        self._awaited = awaited
        self._seen = seen
        self._counted = counted

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
        if self._settling:
            if change.joined:
                self._meanwhile(channel, channel.mirror, change.user_id, change.user_info)
            return
        applied = channel.mirror.apply(change)
        if self._awaited is not None:
            self._awaited.reached(key, channel.mirror.version)
        if applied is Applied.CHANGED and change.joined:
            _tell_added(channel, change.user_id, change.user_info, change.version)
        elif applied is Applied.CHANGED and self._together is not None:
            self._together.setdefault(channel, []).append((change.user_id, change.version))
        elif applied is Applied.CHANGED:
            _tell_removed(channel, change.user_id, change.version)
        elif applied is Applied.GAP:
            self.resync(key, "gap")

    def adopt(self, channel: Channel | None, mirror: Mirror, *, compared: bool = False) -> Mirror:
        """The newer of this member list and the channel's own, whose subscribers are told the difference.

        One that was `compared` counts whatever its version: what a node has told an authority that had lost it makes no
        version.
        """
        current = channel.mirror if channel is not None else None
        if channel is None or current is None:
            return mirror
        if self._settling:
            for user_id, info in mirror.members.items():
                self._meanwhile(channel, current, user_id, info)
            return current
        if mirror.epoch != current.epoch:
            for socket, sub in channel.subscribers.items():  # the versions of another epoch mean nothing here
                channel.subscribers[socket] = sub._replace(since_version=0)
        elif mirror.version <= current.version and not compared:
            return current
        if self._together is not None:  # in order
            _tell_all_removed(channel, self._together.pop(channel, []))
        gone, new = current.resync(mirror)
        for user_id in gone:
            _tell_removed(channel, user_id, math.inf)
        for user_id, info in new:
            _tell_added(channel, user_id, info, math.inf)
        return current

    def contains(self, mirror: Mirror, version: int, user_id: str) -> bool:
        """Whether the list is as new as this, with the user, who has just joined, among its members."""
        return mirror.version >= version and (not self._settling or user_id in mirror.members)

    def soon(self, key: Key, version: int) -> Deferred[None] | None:
        """Wait until the list is as new as this, not for long; None where it is already all it will be."""
        channel = self._channel(key)
        if self._awaited is None or self._settling or channel is None or channel.mirror is None:
            return None
        return self._awaited.wait(key, version)

    def keys(self) -> list[Key]:
        """Every channel with a list."""
        apps = self._registry.apps.items()
        return [(a, name) for a, space in apps for name, channel in space.channels.items() if channel.mirror]

    def state(self, key: Key) -> tuple[str, int] | None:
        """Epoch and version of the list; None where there is none."""
        channel = self._channel(key)
        mirror = channel.mirror if channel is not None else None
        return (mirror.epoch, mirror.version) if mirror is not None else None

    def settle(self) -> None:
        """The authority has lost what it knew: until `settled`, nobody leaves, and whoever it tells of is there."""
        self._settling = True

    def settled(self) -> None:
        """Every node has told it again."""
        self._settling = False
        self.resync_all("epoch")

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
            if self._seen is not None:
                self._seen(snapshot.epoch)
            mirror = Mirror(snapshot)
            gaps = [mirror.apply(change) for change in heard].count(Applied.GAP)
            then(mirror)
            if gaps:
                self.resync(key, "gap")

        def failed(error: BackendError) -> None:
            arrived()
            otherwise(error)

        return ask(lambda: self._authority.snapshot(*key), found, failed)

    def resync_all(self, reason: str) -> None:
        """Compare every list with the authority's, some at a time."""
        for key in self.keys():
            self.resync(key, reason)

    def resync(self, key: Key, reason: str) -> None:
        """A change was lost: compare with the authority, once for all the changes that show it."""
        if key in self._resyncs:
            return
        if len(self._resyncs) >= FETCHES:
            self._waiting[key] = reason
            return
        channel = self._channel(key)
        if channel is None or channel.mirror is None:
            return
        self._resyncs.add(key)
        if self._counted is not None:
            self._counted[reason] += 1

        def found(mirror: Mirror) -> None:
            self._resyncs.discard(key)
            now = self.adopt(self._channel(key), mirror, compared=True)
            if self._awaited is not None:
                self._awaited.reached(key, now.version)
            go_on()

        def failed(error: BackendError) -> None:
            self._resyncs.discard(key)
            if self._repeats.due("member list"):
                self._log.warn("a member list could not be repaired: {error}", error=str(error))
            go_on()

        def go_on() -> None:
            while self._waiting and len(self._resyncs) < FETCHES:
                self.resync(*self._waiting.popitem())

        self.fetch(key, found, failed)

    def _meanwhile(self, channel: Channel, mirror: Mirror, user_id: str, user_info: str) -> None:
        if mirror.meanwhile(user_id, user_info):
            _tell_added(channel, user_id, user_info, math.inf)

    def _channel(self, key: Key) -> Channel | None:
        space = self._registry.apps.get(key[0])
        return space.channels.get(key[1]) if space is not None else None


def _tell_added(channel: Channel, user_id: str, user_info: str, version: float) -> None:
    _tell(channel, messages.member_added(channel.name.text, user_id, user_info), user_id, version)


def _tell_removed(channel: Channel, user_id: str, version: float) -> None:
    _tell(channel, messages.member_removed(channel.name.text, user_id), user_id, version)


def _tell(channel: Channel, text: str, user_id: str, version: float) -> None:
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
