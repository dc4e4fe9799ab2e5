"""Entering and leaving channels (protocol.md 7, scaling.md 6.2-6.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import BackendError, Fact, IAuthority, Joined
from ..protocol import errors
from ..protocol.effects import Asked, Effect, Join, Member
from ..protocol.errors import PeerError
from ..protocol.names import ChannelName
from .answers import ask
from .cluster.interest import Interest
from .cluster.topics import channel_topic
from .counts import SubscriptionCounts
from .facts import COUNTED_WITHIN, FactTeller
from .leaving import Leaver
from .mirror import Mirror
from .mirrors import Mirrors
from .node import Node
from .presence import Presence
from .registry import Registry
from .repeats import Repeats
from .tables import PLAIN_SUBSCRIPTION, AppSpace, Channel, Socket, Subscription
from .tailored.placement import Placement

__all__ = ["Subscriptions"]

Perform = Callable[[Socket, Sequence[Effect]], None]
Refuse = Callable[[Socket, PeerError], None]


class Subscriptions:
    """Moves sockets in and out of channels, in the tables, at the authority and in the facts.

    `perform` carries out what the session says after a join; `refuse` tells a socket no. With other nodes, `interest`
    has their frames come: a channel's topic is needed while it has subscribers, or somebody is about to be one.
    """

    _log = Logger()

    def __init__(
        self,
        registry: Registry,
        authority: IAuthority,
        presence: Presence,
        mirrors: Mirrors,
        counts: SubscriptionCounts,
        facts: FactTeller,
        placement: Placement,
        node: Node,
        perform: Perform,
        refuse: Refuse,
        repeats: Repeats,
        interest: Interest | None = None,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._presence = presence
        self._mirrors = mirrors
        self._counts = counts
        self._facts = facts
        self._placement = placement
        self._node = node
        self._perform = perform
        self._refuse = refuse
        self._repeats = repeats
        self._interest = interest

    def join(self, socket: Socket, effect: Join) -> Deferred[None] | None:
        """Enter a channel and answer; a repeat answers again and counts nothing twice."""
        name, member, asked = effect
        space, session = socket.space, socket.session
        assert space is not None
        assert session is not None
        if (known := space.channels.get(name.text)) is not None:
            name = known.name  # the same text for all its subscribers
        if member is not None:
            return self._join_presence(socket, space, name, member, asked)
        new = name.user_id is None and name.text not in session.channels
        if new and known is None and self._interest is not None:
            return self._need(space, name, lambda: self._arrive(socket, space, name, asked))
        effects = session.joined(name, None)  # first, so that leaving cleans up whatever happens
        if new:
            self._enter(space, name, socket, PLAIN_SUBSCRIPTION)
        self._succeed(socket, space, name.text, effects, asked)
        return None

    def _arrive(self, socket: Socket, space: AppSpace, name: ChannelName, asked: Asked | None) -> None:
        """Nothing of the channel is missed from now on: enter and answer, in one turn."""
        if socket.session is not None:
            effects = socket.session.joined(name, None)
            self._enter(space, name, socket, PLAIN_SUBSCRIPTION)
            self._succeed(socket, space, name.text, effects, asked)
        self._need_no_more(space, name.text)

    def _need(
        self, space: AppSpace, name: ChannelName, then: Callable[[], Deferred[None] | None]
    ) -> Deferred[None] | None:
        """Need what others publish to the channel; `then` when nothing of it is missed any more.

        The first who needs it occupies it. The authority is asked before the bus: where both are one stream, what the
        bus confirms proves that it has decided.
        """
        assert self._interest is not None
        topic = channel_topic(space.app.id, name.text)
        if not self._interest.needed(topic):
            self._occupy(space, name.text)
        wait = self._interest.hold(topic, anew=True)
        return then() if wait is None else wait.addCallback(lambda _: then())

    def _need_no_more(self, space: AppSpace, name: str) -> None:
        """The last who needed it vacates it."""
        assert self._interest is not None
        if self._interest.release(channel_topic(space.app.id, name)):
            self._vacate(space, name)

    def leave(self, socket: Socket, space: AppSpace, name: str, member: Member | None) -> None:
        """Leave a channel the session has already forgotten."""
        channel = self._registry.exit(space, name, socket)
        if channel is None:
            return  # a user channel: never in the tables
        if socket.wishes is not None or channel.segments is not None:
            self._placement.left(socket, channel)
        space.tally.unsubscriptions[channel.kind] += 1
        if member is not None:
            self._presence.part(space.app.id, name, socket.id)
        self._left(space, channel)

    def leave_all(self, leavers: Sequence[Leaver]) -> None:
        """Leave every channel of sockets that have ended; those who stay are told of all that go, and nobody else."""
        if len(leavers) == 1:  # as most connections end
            ((socket, space, session),) = leavers
            for name, member in session.channels.items():
                self.leave(socket, space, name, member)
            return
        parts: list[tuple[str, str, str]] = []
        left: dict[Channel, AppSpace] = {}
        for socket, space, session in leavers:
            for name, member in session.channels.items():
                channel = self._registry.exit(space, name, socket)
                if channel is None:
                    continue  # a user channel
                if socket.wishes is not None or channel.segments is not None:
                    self._placement.left(socket, channel)
                space.tally.unsubscriptions[channel.kind] += 1
                left[channel] = space
                if member is not None:
                    parts.append((space.app.id, name, socket.id))
        with self._mirrors.together():
            for part in parts:
                self._presence.part(*part)
        for channel, space in left.items():
            self._left(space, channel)

    def recount(self) -> None:
        """Tell the authority again how many there are, where somebody wants to know totals."""
        for space in list(self._registry.apps.values()):
            for channel in space.channels.values():
                if self._counts.pace(space, channel) is not None:
                    self._count(space, channel)

    def _left(self, space: AppSpace, channel: Channel) -> None:
        """The channel has fewer subscribers, perhaps none."""
        if channel.subscribers:
            self._count(space, channel)
            return
        if self._interest is None or self._interest.release(channel_topic(space.app.id, channel.name.text)):
            self._vacate(space, channel.name.text)
        else:
            self._count(space, channel)  # somebody is about to enter
        if self._counts.pace(space, channel) is not None:
            self._facts.expect(COUNTED_WITHIN)

    def _occupy(self, space: AppSpace, name: str) -> None:
        def occupied(told: bool) -> None:
            if told:
                self._facts.tell(space.app, Fact("channel_occupied", name))

        ask(lambda: self._authority.occupy(space.app.id, name, self._node.id), occupied, self._lost)

    def _vacate(self, space: AppSpace, name: str) -> None:
        ask(
            lambda: self._authority.vacate(space.app.id, name, self._node.id),
            lambda _: self._facts.disappeared(),
            self._lost,
        )

    def _succeed(
        self, socket: Socket, space: AppSpace, name: str, effects: Sequence[Effect], asked: Asked | None
    ) -> None:
        """Perform what the session says of a success; what was asked for beside counts from behind the success on."""
        if asked is None and socket.wishes is None:
            channel = space.channels.get(name)
            if channel is None or channel.segments is None:
                self._perform(socket, effects)
                return
        self._perform(socket, effects[:1])
        self._placement.subscribed(socket, space, name, asked)
        self._perform(socket, effects[1:])

    def _join_presence(
        self, socket: Socket, space: AppSpace, name: ChannelName, member: Member, asked: Asked | None
    ) -> Deferred[None] | None:
        assert socket.session is not None
        present = socket.session.channels.get(name.text)
        channel = space.channels.get(name.text)
        if present is not None and present.user_id == member.user_id and channel is not None and channel.mirror:
            effects = socket.session.joined(name, present, channel.mirror.data())
            self._succeed(socket, space, name.text, effects, asked)
            return None

        def admitted(joined: Joined, mirror: Mirror) -> None:
            if socket.session is None:  # gone while the authority was asked
                if joined.webhook:  # it was a member for a moment, and its removal will be told
                    self._facts.tell(space.app, Fact("member_added", name.text, user_id=member.user_id))
                self._presence.part(space.app.id, name.text, socket.id)
                over()
                return
            mirror = self._mirrors.adopt(space.channels.get(name.text), mirror)
            effects = socket.session.joined(name, member, mirror.data())
            entered = self._enter(space, name, socket, Subscription(mirror.version))
            entered.mirror = mirror
            if joined.webhook:
                self._facts.tell(space.app, Fact("member_added", name.text, user_id=member.user_id))
            self._succeed(socket, space, name.text, effects, asked)
            over()

        def refused(error: BackendError | None) -> None:
            if error is not None:
                self._lost(error)
            self._refuse(socket, errors.channel_full() if error is None else errors.internal())
            over()

        def over() -> None:
            if self._interest is not None:
                self._need_no_more(space, name.text)

        def join() -> Deferred[None] | None:
            if socket.session is None:  # gone while the bus was waited for
                over()
                return None
            limit = space.app.max_presence_members_per_channel or 0
            return self._presence.join(socket, name, member, limit, admitted, refused)

        return join() if self._interest is None else self._need(space, name, join)

    def _enter(self, space: AppSpace, name: ChannelName, socket: Socket, subscription: Subscription) -> Channel:
        """Into the tables; the first local subscriber occupies the channel."""
        before = space.channels.get(name.text)
        repeat = before is not None and socket in before.subscribers
        channel = self._registry.enter(space, name, socket, subscription)
        if channel.segments is not None:
            channel.segments.enter(socket)
        if before is None:
            if self._interest is None:
                self._occupy(space, name.text)
            else:  # occupied since it was needed; the channel needs it by itself now
                self._interest.hold(channel_topic(space.app.id, name.text))
        if not repeat:
            space.tally.subscriptions[channel.kind] += 1
            self._count(space, channel, entered=True)
        return channel

    def _count(self, space: AppSpace, channel: Channel, entered: bool = False) -> None:
        name, subscribers, pace = channel.name.text, len(channel.subscribers), self._counts.pace(space, channel)
        ask(
            lambda: self._authority.count(space.app.id, name, self._node.id, subscribers, pace, entered),
            lambda _: None,
            self._lost,
        )
        if pace is not None:
            self._facts.expect(COUNTED_WITHIN)

    def _lost(self, error: BackendError) -> None:
        if self._repeats.due("channel"):
            self._log.warn("shared channel state is unavailable: {error}", error=str(error))
