"""A node's copy of a presence channel's members; clients are told its differences only (scaling.md 6.4)."""

from __future__ import annotations

from enum import Enum

from ..interfaces import PresenceChange, Snapshot
from ..protocol import messages

__all__ = ["Applied", "Mirror"]


class Applied(Enum):
    """What a change did to a mirror."""

    CHANGED = "clients are to be told"
    NOTHING = "already contained, or no difference"
    GAP = "something before it is missing: take a snapshot"


class Mirror:
    """Members in join order, at one version of one epoch."""

    __slots__ = ("_data", "_entries", "_ids", "epoch", "members", "version")

    def __init__(self, snapshot: Snapshot | Mirror) -> None:
        self._become(snapshot)

    def _become(self, snapshot: Snapshot | Mirror) -> None:
        self.epoch: str = snapshot.epoch
        self.version: int = snapshot.version
        self.members: dict[str, str] = {}
        # What `data` is made of: every join changes the list, and needs it.
        self._ids: dict[str, str] = {}
        self._entries: dict[str, str] = {}
        for user_id, info in snapshot.members.items():
            self._add(user_id, info)
        self._data: str | None = None

    def _add(self, user_id: str, user_info: str) -> None:
        self.members[user_id] = user_info
        self._ids[user_id], self._entries[user_id] = messages.presence_member(user_id, user_info)
        self._data = None

    def _remove(self, user_id: str) -> None:
        del self.members[user_id], self._ids[user_id], self._entries[user_id]
        self._data = None

    def data(self) -> str:
        """The member list as `subscription_succeeded` carries it; put together once per version."""
        if self._data is None:
            self._data = messages.presence_data(self._ids.values(), self._entries.values())
        return self._data

    def apply(self, change: PresenceChange) -> Applied:
        """Take one change in; it counts only as the direct successor of what is here.

        A change without a predecessor is the first of an empty channel, and follows any empty list.
        """
        if change.epoch != self.epoch:
            return Applied.GAP
        if change.version <= self.version:
            return Applied.NOTHING
        if change.previous != self.version and (change.previous or self.members):
            return Applied.GAP
        self.version = change.version
        if change.joined == (change.user_id in self.members):
            return Applied.NOTHING
        if change.joined:
            self._add(change.user_id, change.user_info)
        else:
            self._remove(change.user_id)
        return Applied.CHANGED

    def meanwhile(self, user_id: str, user_info: str) -> bool:
        """Take a member in whatever the version; whether it is new."""
        if user_id in self.members:
            return False
        self._add(user_id, user_info)
        return True

    def resync(self, snapshot: Snapshot | Mirror) -> tuple[list[str], list[tuple[str, str]]]:
        """Become the snapshot: who left, then who came (with user_info). Who came back as another is in both."""
        gone = [user_id for user_id, info in self.members.items() if snapshot.members.get(user_id) != info]
        new = [(user_id, info) for user_id, info in snapshot.members.items() if self.members.get(user_id) != info]
        self._become(snapshot)
        return gone, new
