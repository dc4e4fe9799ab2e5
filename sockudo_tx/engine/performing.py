"""What sessions decide is done here: each effect by who answers for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from ..delta.wishes import offered_in
from ..interfaces import Fact
from ..protocol import messages
from ..protocol.effects import Effect, Enable, Join, Leave, Relay, Replay, Resync, Send, Signin, Watch
from ..protocol.wirejson import text_of
from .broadcast import send
from .cached_events import CachedEvents
from .cluster.cluster import Cluster
from .facts import FactTeller
from .subscriptions import Subscriptions
from .tables import AppSpace, Socket
from .tailored.placement import Placement
from .tailored.publisher import TailoredPublisher
from .users import Users

__all__ = ["Performing"]


class Performing:
    """Carries the effects of sessions out, in their order. `hold` lets a socket wait for an answer."""

    def __init__(
        self,
        users: Users,
        facts: FactTeller,
        cached: CachedEvents,
        placement: Placement,
        tailored: TailoredPublisher,
        hold: Callable[[Socket, Deferred[None]], None],
        cluster: Cluster | None = None,
    ) -> None:
        self.subscriptions: Subscriptions
        """Who is told of a success performs effects in turn: set once both are there."""
        self._users = users
        self._facts = facts
        self._cached = cached
        self._placement = placement
        self._tailored = tailored
        self._hold = hold
        self._cluster = cluster

    def perform(self, socket: Socket, effects: Sequence[Effect]) -> None:
        """Carry these out; after one that must wait, the rest waits too."""
        for position, effect in enumerate(effects):
            wait = self._perform_one(socket, effect)
            if wait is not None:
                self._hold(socket, wait.addCallback(self._perform_rest, socket, effects[position + 1 :]))
                return

    def _perform_rest(self, _: None, socket: Socket, effects: Sequence[Effect]) -> None:
        self.perform(socket, effects)

    def _perform_one(self, socket: Socket, effect: Effect) -> Deferred[None] | None:
        space = socket.space
        if space is None:
            return None
        if isinstance(effect, Send):
            send(socket, effect.text)
        elif isinstance(effect, Relay):
            self._relay(socket, space, effect)
        elif isinstance(effect, Join):
            return self.subscriptions.join(socket, effect)
        elif isinstance(effect, Leave):
            self.subscriptions.leave(socket, space, effect.channel, effect.member)
        elif isinstance(effect, Replay):
            return self._cached.replay(socket, space, effect.channel)
        elif isinstance(effect, Signin):
            return self._users.sign_in(socket, effect.user_id)
        elif isinstance(effect, Watch):
            return self._users.watch(socket, space, effect.watchlist)
        elif isinstance(effect, Enable):
            self._placement.enable(socket, space, offered_in(effect.data))
        elif isinstance(effect, Resync):
            self._placement.resync(socket, space, effect.channel)
        return None

    def _relay(self, socket: Socket, space: AppSpace, event: Relay) -> None:
        channel = space.channels.get(event.channel)
        if channel is not None:
            text = messages.client_event(event.event, event.channel, event.data, event.user_id)
            self._tailored.relay(channel, text, event.data, socket)
            if self._cluster is not None:
                self._cluster.relay(space.app.id, event.channel, text, socket.id)
        if self._facts.wants(space.app, "client_event"):
            data = None if event.data is None else text_of(event.data)
            self._facts.tell(
                space.app, Fact("client_event", event.channel, event.user_id, event.event, data, socket.id)
            )
