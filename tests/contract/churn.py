"""Sockets of two nodes join and part presence channels at random; mirrors are held to the truth (scaling.md 6.4)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from sockudo_tx.engine.mirror import Applied, Mirror
from sockudo_tx.interfaces import Answer, IAuthority, PresenceChange, Snapshot, UserChange

if TYPE_CHECKING:
    from .authority_case import World

__all__ = ["NODES", "Operation", "churn", "seeded"]

T = TypeVar("T")
NODES = ("a", "b")
LIMIT = 4
APP = "churn"


class Operation(NamedTuple):
    """A socket of a node joins as the user, or leaves where it is already; `lost` by which nodes."""

    node: str
    number: int
    channel: str
    user_id: str
    lost: frozenset[str] = frozenset()


def seeded(seed: int, length: int, *, lossy: bool) -> list[Operation]:
    """The same operations for the same seed."""
    source = random.Random(seed)
    return [
        Operation(
            source.choice(NODES),
            source.randrange(4),
            source.choice(("presence-1", "presence-2")),
            f"u{source.randrange(6)}",
            frozenset(node for node in NODES if lossy and source.random() < 0.2),
        )
        for _ in range(length)
    ]


class Room:
    """A node's mirror of one channel, and the members its clients were told of."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.mirror = Mirror(snapshot)
        self.told = dict(snapshot.members)
        self.behind = False
        """A change was lost and no later one has shown it yet."""

    def tell(self, gone: list[str], new: list[tuple[str, str]]) -> None:
        for user_id in gone:
            del self.told[user_id]  # telling of somebody who is not there would be an error
        for user_id, info in new:
            assert user_id not in self.told, f"{user_id} was told twice"
            self.told[user_id] = info


class Node:
    """A node as far as presence goes."""

    def __init__(self, name: str, authority: IAuthority) -> None:
        self.name = name
        self.authority = authority
        self.rooms: dict[str, Room] = {}
        self.sockets: dict[str, set[str]] = {}
        self.losing = False
        self.dirty: set[str] = set()
        authority.listen(self)

    def presence_changed(self, change: PresenceChange) -> None:
        room = self.rooms.get(change.channel)
        if room is None or change.app_id != APP:
            return
        if self.losing:
            room.behind = True
            return
        applied = room.mirror.apply(change)
        if applied is Applied.GAP:
            self.dirty.add(change.channel)
        elif applied is Applied.CHANGED:
            entry = (change.user_id, change.user_info)
            room.tell([] if change.joined else [change.user_id], [entry] if change.joined else [])

    def user_changed(self, change: UserChange) -> None: ...

    async def snapshot(self, channel: str) -> Snapshot:
        return await _got(self.authority.snapshot(APP, channel))

    async def repair(self) -> None:
        for channel in sorted(self.dirty):
            if (room := self.rooms.get(channel)) is not None:
                room.tell(*room.mirror.resync(await self.snapshot(channel)))
                room.behind = False
        self.dirty.clear()


class Churn:
    """Two nodes, and who is truly where."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nodes = {name: Node(name, world.node(name)) for name in NODES}
        self.truth: dict[str, dict[str, tuple[str, set[str]]]] = {}
        """channel -> user -> (info of the first socket, sockets), in join order"""
        self.inside: dict[tuple[str, str], str] = {}
        """(socket, channel) -> user"""

    async def toggle(self, operation: Operation) -> None:
        """Leave where the socket is, else join; then everything is as it should be."""
        for node in self.nodes.values():
            node.losing = node.name in operation.lost
        node, socket = self.nodes[operation.node], f"{operation.node}.{operation.number}"
        if (socket, operation.channel) in self.inside:
            await self._leave(node, socket, operation.channel)
        else:
            await self._enter(node, socket, operation.channel, operation.user_id)
        await self.compare()

    async def end(self) -> None:
        """Audit every mirror, then let everybody leave."""
        for node in self.nodes.values():
            node.losing = False
            node.dirty.update(node.rooms)
        await self.compare()
        for socket, channel in list(self.inside):
            await self._leave(self.nodes[socket[0]], socket, channel)
        await self.compare()
        assert not any(node.rooms for node in self.nodes.values())

    async def compare(self) -> None:
        """Clients were told what the mirrors show, and the mirrors show the truth unless a loss is still hidden."""
        await self.world.settle()
        for node in self.nodes.values():
            await node.repair()
            for channel, room in node.rooms.items():
                assert room.told == room.mirror.members, "clients were told something else"
                if not room.behind:
                    expected = {user_id: info for user_id, (info, _) in self.truth.get(channel, {}).items()}
                    assert list(room.mirror.members.items()) == list(expected.items()), (node.name, channel)

    async def _leave(self, node: Node, socket: str, channel: str) -> None:
        members = self.truth[channel]
        user_id = self.inside.pop((socket, channel))
        members[user_id][1].remove(socket)
        last = not members[user_id][1]
        if last:
            del members[user_id]
        node.sockets[channel].remove(socket)
        if not node.sockets[channel]:
            node.rooms.pop(channel, None)
        parted = await _got(node.authority.part(APP, channel, node.name, socket))
        assert parted.last == last, (parted, last)

    async def _enter(self, node: Node, socket: str, channel: str, user_id: str) -> None:
        members = self.truth.setdefault(channel, {})
        first = user_id not in members
        full = first and len(members) >= LIMIT
        info = f'"{socket}"'
        joined = await _got(node.authority.join(APP, channel, node.name, socket, user_id, info, LIMIT))
        assert joined.outcome == ("limit" if full else "ok"), joined
        assert joined.first == (first and not full), joined
        if full:
            return
        members.setdefault(user_id, (info, set()))[1].add(socket)
        self.inside[socket, channel] = user_id
        node.sockets.setdefault(channel, set()).add(socket)
        room = node.rooms.get(channel)
        if room is None:
            node.rooms[channel] = Room(await node.snapshot(channel))
        elif room.mirror.version < joined.version:  # the change was lost, but the answer shows it
            node.dirty.add(channel)


async def churn(world: World, operations: Iterable[Operation]) -> None:
    """Carry the operations out and compare after each one."""
    rooms = Churn(world)
    for operation in operations:
        await rooms.toggle(operation)
    await rooms.end()


async def _got(answer: Answer[T]) -> T:
    return await answer if isinstance(answer, Deferred) else answer
