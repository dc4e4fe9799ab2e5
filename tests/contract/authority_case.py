"""What every test of an authority starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sockudo_tx.interfaces import Answer, IAuthority, Joined, Parted, PresenceChange, UserChange

__all__ = ["APP", "GRACE", "ROOM", "AuthorityCase", "Ear", "World", "got"]

T = TypeVar("T")
APP, ROOM = "app", "presence-room"
GRACE = 3.0


class World(Protocol):
    """An authority that several nodes share, and the time it lives in."""

    def node(self, name: str) -> IAuthority:
        """The authority as this node reaches it."""

    async def advance(self, seconds: float) -> None:
        """Let this much time pass."""

    async def settle(self) -> None:
        """Wait until everything published has been heard."""

    async def close(self) -> None:
        """Give everything back; fails when the authority still holds something though every node has left."""


class Ear:
    """Keeps what the authority publishes."""

    def __init__(self) -> None:
        self.presence: list[PresenceChange] = []
        self.users: list[UserChange] = []

    def presence_changed(self, change: PresenceChange) -> None:
        self.presence.append(change)

    def user_changed(self, change: UserChange) -> None:
        self.users.append(change)

    def take(self) -> list[tuple[bool, str]]:
        """Presence transitions since the last `take`: joined or left, and who."""
        heard, self.presence = self.presence, []
        return [(change.joined, change.user_id) for change in heard]


async def got(answer: Answer[T]) -> T:
    """An answer, waited for if need be."""
    return await answer if isinstance(answer, Deferred) else answer


class AuthorityCase(TestCase):
    """An empty authority with two nodes, and short forms of what they ask."""

    make: Callable[[], World]

    def setUp(self) -> None:
        self.world = type(self).make()
        self.a, self.b = self.world.node("a"), self.world.node("b")
        self.ear = Ear()
        self.a.listen(self.ear)

    async def tearDown(self) -> None:
        for node in ("a", "b"):
            await self.reap(node)
        await self.world.advance(GRACE)
        while (await got(self.a.due())).wait is not None:
            await self.world.advance(GRACE)
        await self.world.close()

    async def join(
        self, node: str, socket: str, user: str, info: str = "{}", limit: int = 0, channel: str = ROOM
    ) -> Joined:
        joined = await got(self.world.node(node).join(APP, channel, node, socket, user, info, limit))
        await self.world.settle()
        return joined

    async def part(self, node: str, socket: str, channel: str = ROOM) -> Parted:
        parted = await got(self.world.node(node).part(APP, channel, node, socket))
        await self.world.settle()
        return parted

    async def members(self, channel: str = ROOM) -> list[tuple[str, str]]:
        return list((await got(self.b.snapshot(APP, channel))).members.items())

    async def due(self, node: IAuthority | None = None) -> list[tuple[str, str, str | None]]:
        """What has become due, and is popped by this."""
        return [(d.name, d.channel, d.user_id) for d in (await got((node or self.a).due())).found]

    async def reap(self, node: str, by: str = "b", most: int = 200) -> None:
        """A node is dead: the other removes its facts."""
        while await got(self.world.node(by).reap(node, most)):
            pass
