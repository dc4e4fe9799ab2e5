"""Which topics this node listens to: as long as somebody here needs them, and a while longer (scaling.md 4.2)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...interfaces import BackendError, IBus
from ..answers import ask
from .sequences import Heard
from .settings import ClusterSettings
from .tally import ClusterTally

__all__ = ["Interest"]

LINGERING = 100_000
"""Topics kept that nobody needs, at most; the oldest go first."""
SLICE = 1000
"""Topics let go of, or asked for again, in one turn of the reactor."""
_AGAIN = 1.0
"""Seconds until the bus is asked again for what it could not do."""


class _Topic:
    __slots__ = ("asked", "holders", "missed", "patience", "waiting")

    def __init__(self) -> None:
        self.holders = 0
        self.asked = 0
        """How often the bus was asked; only the last answer counts."""
        self.patience: IDelayedCall | None = None
        """Ends the wait for the bus; None when nobody has to wait."""
        self.waiting: list[Deferred[None]] = []
        self.missed = False
        """Somebody has gone on without the bus."""


class Interest:
    """Counts who needs a topic. `late` is told of those confirmed when nobody waited any more: something was missed."""

    def __init__(
        self,
        clock: IReactorTime,
        bus: IBus,
        settings: ClusterSettings,
        heard: Heard,
        tally: ClusterTally,
        late: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._settings = settings
        self._heard = heard
        self._tally = tally
        self._late = late
        self._topics: dict[str, _Topic] = {}
        self._lingering: OrderedDict[str, float] = OrderedDict()
        """topic that nobody needs -> when it may go"""
        self._timer: IDelayedCall | None = None
        self._refused: dict[str, None] = {}
        """Topics that the bus could not subscribe to."""
        self._again: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._topics)

    def held(self) -> list[str]:
        """The topics somebody needs."""
        return [topic for topic, entry in self._topics.items() if entry.holders]

    def needed(self, topic: str) -> bool:
        """Whether somebody needs it."""
        entry = self._topics.get(topic)
        return entry is not None and entry.holders > 0

    def hold(self, topic: str, *, anew: bool = False) -> Deferred[None] | None:
        """Need the topic; None when nothing of it is missed from now on, else wait for that, though not for ever.

        `anew` has the bus confirm again what the first one who needs it finds still there: whatever it was told before
        that has been done.
        """
        entry = self._topics.get(topic)
        if entry is None:
            entry = self._topics[topic] = _Topic()
            self._heard.begin(topic)
        self._lingering.pop(topic, None)
        entry.holders += 1
        if entry.holders == 1 and (anew or not entry.asked):
            self._subscribe(topic, entry)
        if entry.patience is None:
            return None
        waiting: Deferred[None] = Deferred()
        entry.waiting.append(waiting)
        return waiting

    def release(self, topic: str) -> bool:
        """Need it no more; whether nobody does."""
        entry = self._topics[topic]
        entry.holders -= 1
        if entry.holders:
            return False
        self._lingering[topic] = self._clock.seconds() + self._settings.linger
        if len(self._lingering) > LINGERING:
            self._let_go(next(iter(self._lingering)))
        if self._timer is None:
            self._timer = self._clock.callLater(self._settings.linger, self._look)
        return True

    def stop(self) -> None:
        """No more timers; who still waits goes on."""
        for timer in (self._timer, self._again):
            if timer is not None:
                timer.cancel()
        self._timer = self._again = None
        for entry in list(self._topics.values()):
            _go_on(entry)

    def _subscribe(self, topic: str, entry: _Topic) -> None:
        entry.asked += 1
        asked = entry.asked
        if entry.patience is not None:
            entry.patience.cancel()

        def confirmed(_: None) -> None:
            if entry.asked != asked or self._topics.get(topic) is not entry:
                return
            _go_on(entry)
            if entry.missed:
                entry.missed = False
                self._late(topic)

        def unconfirmed() -> None:
            if entry.asked == asked and entry.patience is not None:
                self._tally.unconfirmed += 1
                entry.missed = True
                _go_on(entry)

        def refused(_: BackendError) -> None:
            unconfirmed()
            if entry.asked == asked and self._topics.get(topic) is entry:
                self._refused[topic] = None
                if self._again is None:
                    self._again = self._clock.callLater(_AGAIN, self._ask_again)

        entry.patience = self._clock.callLater(self._settings.confirm_within, unconfirmed)
        ask(lambda: self._bus.subscribe(topic), confirmed, refused)

    def _ask_again(self) -> None:
        """For what the bus could not do and somebody still needs."""
        self._again = None
        for topic in list(islice(self._refused, SLICE)):
            del self._refused[topic]
            entry = self._topics[topic]
            if entry.holders:
                self._subscribe(topic, entry)
            else:
                entry.asked = 0
        if self._refused and self._again is None:
            self._again = self._clock.callLater(0, self._ask_again)

    def _look(self) -> None:
        """Let go of what nobody has needed for long enough."""
        self._timer = None
        now = self._clock.seconds()
        for topic, due in list(islice(self._lingering.items(), SLICE)):
            if due > now:
                break
            self._let_go(topic)
        if self._lingering:
            due = next(iter(self._lingering.values()))
            self._timer = self._clock.callLater(max(0.0, due - now), self._look)

    def _let_go(self, topic: str) -> None:
        del self._lingering[topic]
        self._refused.pop(topic, None)
        _go_on(self._topics.pop(topic))
        self._heard.end(topic)
        self._bus.unsubscribe(topic)


def _go_on(entry: _Topic) -> None:
    """Nobody waits any more."""
    if entry.patience is not None and entry.patience.active():
        entry.patience.cancel()
    entry.patience = None
    waiting, entry.waiting = entry.waiting, []
    for each in waiting:
        each.callback(None)
