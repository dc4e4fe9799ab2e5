"""The authority of the hub, as workers see it: the promises of `IAuthority`, over two links."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from sockudo_tx.backends.hub.authority import HubAuthority
from sockudo_tx.backends.hub.bus import HubBus
from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.engine.cluster.topics import channel_topic, user_topic
from sockudo_tx.interfaces import IAuthority, IAuthorityListener, Joined, PresenceChange, UserChange
from sockudo_tx.protocol import bus_frames
from sockudo_tx.protocol.bus_frames import Decoded, Presence

from .authority import authority_contract
from .authority_case import GRACE, got
from .hub_link import Group


class _Heard(HubAuthority):
    """What the hub publishes is given to the listener, as the engine does it; the topics are those that are used."""

    def __init__(self, link: HubLink, world: HubWorld) -> None:
        super().__init__(link)
        self._world = world
        self.bus = HubBus(link)

    def listen(self, listener: IAuthorityListener) -> None:
        self._listener = listener
        self._world.ears.append(self)
        self.bus.listen(self)

    def join(self, app_id: str, channel: str, *rest: Any) -> Deferred[Joined]:
        return self._world.subscribed(channel_topic(app_id, channel)).addCallback(
            lambda _: HubAuthority.join(self, app_id, channel, *rest)
        )

    def user_up(self, app_id: str, user_id: str, *rest: Any) -> Deferred[bool]:
        return self._world.subscribed(user_topic(app_id, user_id)).addCallback(
            lambda _: HubAuthority.user_up(self, app_id, user_id, *rest)
        )

    def received(self, topic: str, frame: bytes) -> None:
        found = bus_frames.decode(frame)
        assert isinstance(found, Decoded)
        header = found.header
        if isinstance(header, Presence):
            self._listener.presence_changed(
                PresenceChange(
                    header.app_id,
                    header.channel,
                    header.epoch,
                    int(header.previous),
                    int(header.version),
                    header.change == "+",
                    header.user_id,
                    found.body,
                )
            )
        elif isinstance(header, bus_frames.UserChange):
            self._listener.user_changed(UserChange(header.app_id, header.user_id, header.change == "+"))

    def bus_up(self) -> None: ...

    def bus_down(self, reason: str) -> None: ...


class HubWorld:
    """A hub with a worker for each node."""

    def __init__(self) -> None:
        self.group = Group()
        self.clock: Any = self.group.clock
        self.group = Group(clock=self.clock, authority=MemoryAuthority(self.clock, GRACE))
        self.ears: list[_Heard] = []
        self._nodes: dict[str, _Heard] = {}
        for slot, name in enumerate(("a", "b")):
            self._nodes[name] = _Heard(self.group.connect(slot, name), self)

    def node(self, name: str) -> IAuthority:
        return IAuthority(self._nodes[name])

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def settle(self) -> None:
        for link in (*self.group.links, *self.group.links):
            await link.gather("nothing")

    async def close(self) -> None:
        tables = self.group.authority.tables()
        await self.group.close()
        assert not any(tables.values()), tables

    def subscribed(self, topic: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._subscribed(topic))

    async def _subscribed(self, topic: str) -> None:
        for ear in self.ears:
            await ear.bus.subscribe(topic)


class HubAuthorityTests(authority_contract(HubWorld)):  # type: ignore[misc]
    """The hub's authority."""

    async def test_interface(self) -> None:
        """It provides the interface, and knows the epoch as soon as the hub has said it."""
        verifyObject(IAuthority, self.a)
        await got(self.a.counts("a", "c"))
        self.assertEqual(self.a.epoch, self.world.group.authority.epoch)
