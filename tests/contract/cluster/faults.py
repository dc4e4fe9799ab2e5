"""What can happen between a node and the rest, whatever the drivers are: they know nothing of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from zope.interface import directlyProvides, implementer
from zope.interface.interface import Method

from sockudo_tx.interfaces import Answer, BackendError, IAuthority, IBus, IBusListener
from sockudo_tx.protocol.bus_frames import Decoded, Ignored, decode
from sockudo_tx.testing.late import AT_ONCE

__all__ = ["FaultyAuthority", "FaultyBus", "Life"]

Wanted = Callable[[Decoded | Ignored], bool]


class Life:
    """Whether a node lives, is frozen, or is gone. What would reach it waits, or never comes."""

    def __init__(self) -> None:
        self.alive = True
        self.frozen = False
        self._waiting: list[Callable[[], None]] = []

    def reach(self, act: Callable[[], None]) -> None:
        """Do this as soon as the node can take notice, in the order in which it came."""
        if self.alive and not self.frozen:
            act()
        elif self.alive:
            self._waiting.append(act)

    def thaw(self) -> None:
        self.frozen = False
        while self._waiting and not self.frozen:
            self._waiting.pop(0)()

    def die(self) -> None:
        self.alive = False
        self._waiting.clear()

    def gated(self, answer: Answer[Any]) -> Answer[Any]:
        """The answer, when the node can take notice of it."""
        if not isinstance(answer, Deferred):
            return answer
        later: Deferred[Any] = Deferred()
        answer.addBoth(lambda result: self.reach(lambda: later.callback(result)))  # type: ignore[unused-awaitable]
        return later


@implementer(IBus)
class FaultyBus:
    """A node's end of the bus, where frames get lost, come twice, come late, or do not come at all while it is cut.

    What was lost is kept in `lost`: that much may be missing, and no more.
    """

    def __init__(self, bus: IBus, life: Life) -> None:
        self.bus = bus
        self.lost: list[tuple[str, Decoded | Ignored]] = []
        """Topic and frame."""
        self.received_kinds: dict[str, int] = {}
        """How many frames of each kind have come, by the name of the header."""
        self.recent: deque[tuple[str, bytes]] = deque(maxlen=50)
        """The last frames that have come."""
        self.dropping: Wanted | None = None
        """Frames that do not arrive."""
        self.doubling: Wanted | None = None
        """Frames that arrive twice."""
        self.is_cut = False
        self._life = life
        self._late: list[tuple[str, bytes]] | None = None
        self._listener: IBusListener | None = None
        bus.listen(self)

    @property
    def up(self) -> bool:
        return bool(self.bus.up) and not self.is_cut

    @property
    def is_late(self) -> bool:
        return self._late is not None

    # IBus

    def listen(self, listener: IBusListener) -> None:
        self._listener = listener

    def subscribe(self, topic: str) -> Answer[None]:
        if self.is_cut:
            done = self.bus.subscribe(topic)  # by the time it is healed
            if isinstance(done, Deferred):
                done.addErrback(lambda _: None)  # type: ignore[unused-awaitable]  # the node is dead
            return fail(BackendError("cut off"))
        return self._life.gated(self.bus.subscribe(topic))

    def unsubscribe(self, topic: str) -> None:
        self.bus.unsubscribe(topic)

    def publish(self, topic: str, frame: bytes) -> None:
        if self.is_cut or not self._life.alive:
            self.lost.append((topic, decode(frame)))
        else:
            self.bus.publish(topic, frame)

    def handed_on(self) -> Answer[None]:
        return fail(BackendError("cut off")) if self.is_cut else self._life.gated(self.bus.handed_on())

    def catch_up(self) -> None:
        self.bus.catch_up()

    # IBusListener

    def received(self, topic: str, frame: bytes) -> None:
        if self._late is not None:
            self._late.append((topic, frame))
        else:
            self._arrive(topic, frame)

    def bus_up(self) -> None:
        if not self.is_cut:
            self._life.reach(lambda: self._hearer().bus_up())

    def bus_down(self, reason: str) -> None:
        if not self.is_cut:
            self._life.reach(lambda: self._hearer().bus_down(reason))

    # What happens to it

    def cut(self) -> None:
        """Nothing goes in or out, and the driver notices."""
        self.is_cut = True
        self._life.reach(lambda: self._hearer().bus_down("cut off"))

    def heal(self) -> None:
        self.is_cut = False
        self._life.reach(lambda: self._hearer().bus_up())

    def lag(self) -> None:
        """Frames wait until `come_late`; answers do not."""
        self._late = self._late or []

    def come_late(self) -> None:
        late, self._late = self._late or [], None
        for topic, frame in late:
            self._arrive(topic, frame)

    def _arrive(self, topic: str, frame: bytes) -> None:
        found = decode(frame)
        if self.is_cut or (self.dropping is not None and self.dropping(found)):
            self.lost.append((topic, found))
            return
        self.recent.append((topic, frame))
        kind = type(found).__name__ if isinstance(found, Ignored) else type(found.header).__name__
        self.received_kinds[kind] = self.received_kinds.get(kind, 0) + 1
        for _ in range(2 if self.doubling is not None and self.doubling(found) else 1):
            self._life.reach(lambda: self._hearer().received(topic, frame))

    def _hearer(self) -> IBusListener:
        assert self._listener is not None, "nobody listens to the bus"
        return self._listener


class FaultyAuthority:
    """A node's way to the authority: answers wait while the node is frozen; `failing`, it is out of reach."""

    def __init__(self, authority: Any, life: Life) -> None:
        self._authority = authority
        self._life = life
        self.failing = False
        for name, attribute in IAuthority.namesAndDescriptions():
            if isinstance(attribute, Method) and name not in AT_ONCE:
                setattr(self, name, self._asking(name))
        directlyProvides(self, IAuthority)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._authority, name)

    def _asking(self, name: str) -> Callable[..., Any]:
        def ask(*args: Any, **named: Any) -> Any:
            if not self._life.alive:
                return Deferred()
            if self.failing:
                return fail(BackendError("out of reach"))
            return self._life.gated(maybeDeferred(getattr(self._authority, name), *args, **named))

        return ask
