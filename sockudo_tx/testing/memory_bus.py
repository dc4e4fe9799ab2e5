"""A bus and an authority on another machine, in memory: one stream a node to where both live, with faults.

What a node says arrives in the next turn and is answered in the one after, all of it in order, so that a confirmed
subscription proves that everything asked before it was decided.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface, directlyProvides, implementer
from zope.interface.interface import Method

from ..engine.cluster.topics import channel_topic, user_topic
from ..interfaces import BackendError, IBus, IBusListener, PresenceChange, UserChange
from ..protocol.bus_frames import presence_frame, user_change_frame
from .late import AT_ONCE

__all__ = ["Broker", "Link", "MemoryBus", "linked"]

Act = Callable[[], object]
Drop = Callable[[int, str, bytes], bool]
"""Whether this frame on its way to the node (by its place) is to be lost; gets its topic and bytes."""


class Link:
    """A node's stream to the others: what it sends, and what it gets."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._away: deque[Act] = deque()
        self._back: deque[Act] = deque()
        self._pending: dict[Deferred[Any], None] = {}
        self._scheduled = False
        self.held = False
        """Nothing moves, nothing is lost."""
        self.down = False
        """Whatever is sent fails."""
        self.dead = False
        """Whatever is sent is never answered."""

    def send(self, act: Act) -> None:
        """Have this done at the other end, in the next turn."""
        if not (self.down or self.dead):
            self._away.append(act)
            self._schedule()

    def ask(self, question: Callable[[], Any]) -> Deferred[Any]:
        """The answer comes in the turn after the next."""
        answer: Deferred[Any] = Deferred()
        if self.dead:
            return answer
        if self.down:
            self._clock.callLater(0, answer.errback, BackendError("the link is down"))
            return answer
        self._pending[answer] = None

        def act() -> None:
            done: Deferred[Any] = maybeDeferred(question)
            done.addBoth(lambda result: self.receive(lambda: tell(result)))  # type: ignore[unused-awaitable]

        def tell(result: Any) -> None:
            if answer in self._pending:
                del self._pending[answer]
                answer.callback(result)

        self.send(act)
        return answer

    def receive(self, act: Act) -> None:
        """Have this done at the node, in the next turn."""
        if not (self.down or self.dead):
            self._back.append(act)
            self._schedule()

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False
        self._schedule()

    def cut(self) -> None:
        """What is on its way is lost, and questions fail."""
        self.down = True
        self._away.clear()
        self._back.clear()
        pending, self._pending = self._pending, {}
        for answer in pending:
            self._clock.callLater(0, answer.errback, BackendError("the link is down"))

    def heal(self) -> None:
        self.down = False

    def end(self) -> None:
        """The node is dead."""
        self.dead = True
        self._away.clear()
        self._back.clear()
        self._pending.clear()

    def _schedule(self) -> None:
        if not self._scheduled and not self.held and (self._away or self._back):
            self._scheduled = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self.held:
            return
        for queue in (self._back, self._away):
            for _ in range(len(queue)):
                if queue:  # still: a link may be cut by what it brings
                    queue.popleft()()
        self._schedule()


class Broker:
    """Takes frames to whoever has subscribed, but not back; speaks for the authority too."""

    def __init__(self) -> None:
        self.drop: Drop | None = None
        self.delivered: list[tuple[int, str, bytes]] = []
        """Every frame that was handed out: to whom, topic, bytes."""
        self._subscribers: dict[str, dict[MemoryBus, None]] = {}

    def subscribe(self, topic: str, bus: MemoryBus) -> None:
        self._subscribers.setdefault(topic, {})[bus] = None

    def unsubscribe(self, topic: str, bus: MemoryBus) -> None:
        subscribers = self._subscribers.get(topic, {})
        subscribers.pop(bus, None)
        if not subscribers:
            self._subscribers.pop(topic, None)

    def forget(self, bus: MemoryBus) -> None:
        for topic in [topic for topic, subscribers in self._subscribers.items() if bus in subscribers]:
            self.unsubscribe(topic, bus)

    def publish(self, topic: str, frame: bytes, origin: MemoryBus | None = None) -> None:
        for bus in tuple(self._subscribers.get(topic, ())):
            if bus is not origin and not (self.drop is not None and self.drop(bus.place, topic, frame)):
                self.delivered.append((bus.place, topic, frame))
                bus.deliver(topic, frame)

    # IAuthorityListener

    def presence_changed(self, change: PresenceChange) -> None:
        self.publish(channel_topic(change.app_id, change.channel), presence_frame(*change))

    def user_changed(self, change: UserChange) -> None:
        self.publish(user_topic(change.app_id, change.user_id), user_change_frame(*change))


@implementer(IBus)
class MemoryBus:
    """A node's bus. `place` is the node's in its cluster."""

    def __init__(self, broker: Broker, link: Link, place: int) -> None:
        self.place = place
        self.up = True
        self.topics: dict[str, None] = {}
        """What the node has subscribed to."""
        self._broker = broker
        self._link = link
        self._listener: IBusListener | None = None

    def listen(self, listener: IBusListener) -> None:
        self._listener = listener

    def subscribe(self, topic: str) -> Deferred[None]:
        self.topics[topic] = None
        return self._link.ask(lambda: self._broker.subscribe(topic, self))

    def unsubscribe(self, topic: str) -> None:
        self.topics.pop(topic, None)
        self._link.send(lambda: self._broker.unsubscribe(topic, self))

    def publish(self, topic: str, frame: bytes) -> None:
        self._link.send(lambda: self._broker.publish(topic, frame, self))

    def handed_on(self) -> Deferred[None]:
        return self._link.ask(lambda: None)

    def catch_up(self) -> None:
        """What has come is taken in a turn of its own."""

    def deliver(self, topic: str, frame: bytes) -> None:
        self._link.receive(lambda: self._hand_over(topic, frame))

    def _hand_over(self, topic: str, frame: bytes) -> None:
        if self._listener is not None and topic in self.topics:
            self._listener.received(topic, frame)

    def cut(self) -> None:
        """The link is gone."""
        self.up = False
        self._link.cut()
        self._broker.forget(self)
        if self._listener is not None:
            self._listener.bus_down("cut")

    def heal(self) -> None:
        """The link is there again, and what was subscribed is."""
        self._link.heal()
        again = [self._link.ask(partial(self._broker.subscribe, topic, self)) for topic in self.topics]
        for answer in again:
            answer.addErrback(lambda _: None)  # type: ignore[unused-awaitable]  # cut again
        self._link.ask(lambda: None).addCallbacks(self._healed, lambda _: None)  # type: ignore[unused-awaitable]

    def _healed(self, _: None) -> None:
        self.up = True
        if self._listener is not None:
            self._listener.bus_up()

    def end(self) -> None:
        """The node is dead."""
        self.up = False
        self._link.end()
        self._broker.forget(self)


class _Linked:
    """What is no question is the backend's own."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def listen(self, listener: object) -> None:
        """Its changes come as frames."""


def linked(interface: type[Interface], backend: Any, link: Link) -> Any:
    """The backend at the other end of the link."""
    front = _Linked(backend)
    for name, attribute in interface.namesAndDescriptions():
        if isinstance(attribute, Method) and name not in AT_ONCE:
            setattr(front, name, _over(link, backend, name))
    directlyProvides(front, interface)
    return front


def _over(link: Link, backend: Any, name: str) -> Callable[..., Deferred[Any]]:
    def ask(*args: Any, **named: Any) -> Deferred[Any]:
        return link.ask(lambda: getattr(backend, name)(*args, **named))

    return ask
