"""The last event of each cache channel (protocol.md 10, http-api.md 7.4)."""

from __future__ import annotations

import math
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..delta.frames import poisons
from ..interfaces import Answer, BackendError, Fact, ICache
from ..protocol import messages
from ..protocol.wirejson import loads
from .answers import ask
from .broadcast import send
from .facts import FactTeller
from .repeats import Repeats
from .tables import AppSpace, Socket
from .tailored.placement import Placement

__all__ = ["CachedEvent", "CachedEvents"]


class CachedEvent(NamedTuple):
    """A cached event as REST reports it; `ttl` in whole seconds, at least 1; 0 when it has no end."""

    event: str
    data: str
    ttl: int


class CachedEvents:
    """Stores the very text clients got, so that a replay is byte-identical to the live event."""

    _log = Logger()

    def __init__(self, cache: ICache, facts: FactTeller, placement: Placement, ttl: float, repeats: Repeats) -> None:
        self._cache = cache
        self._facts = facts
        self._placement = placement
        self.ttl = ttl
        self._repeats = repeats

    def store(self, app_id: str, channel: str, text: str) -> None:
        """Remember the event; a cache that fails is logged and does not fail the publish."""
        ask(lambda: self._cache.set(_key(app_id, channel), text, self.ttl), lambda _: None, self._failed)

    def replay(self, socket: Socket, space: AppSpace, channel: str) -> Deferred[None] | None:
        """Send the event to a newcomer, or a miss when there is none or the cache fails.

        An event that is published meanwhile takes the socket off the channel's `replays`: it is newer.
        """
        entered = space.channels[channel]
        replays = entered.replays = entered.replays or set()
        replays.add(socket)

        def found(hit: tuple[str, float] | None) -> None:
            if socket not in replays:
                return
            replays.discard(socket)
            if socket.session is None or channel not in socket.session.channels:
                return
            send(socket, hit[0] if hit is not None else messages.cache_miss(channel))
            if hit is None:
                self._facts.tell(space.app, Fact("cache_miss", channel))
            elif socket.wishes is not None and poisons(hit[0], loads(hit[0])["data"]):
                self._placement.spoilt(socket, entered)

        def failed(error: BackendError) -> None:
            self._failed(error)
            found(None)

        return ask(lambda: self._cache.get(_key(space.app.id, channel)), found, failed)

    def read(self, app_id: str, channel: str) -> Answer[CachedEvent | None]:
        """The event with its parts. Fails with `BackendError`."""
        answer = self._cache.get(_key(app_id, channel))
        return answer.addCallback(_parts) if isinstance(answer, Deferred) else _parts(answer)

    def _failed(self, error: BackendError) -> None:
        if self._repeats.due("cached event"):
            self._log.warn("cached channel events are unavailable: {error}", error=str(error))


def _key(app_id: str, channel: str) -> str:
    return f"app:{app_id}:channel:{channel}:cache_miss"


def _parts(hit: tuple[str, float] | None) -> CachedEvent | None:
    if hit is None:
        return None
    text, left = hit
    value = loads(text)
    ttl = max(1, math.ceil(left)) if math.isfinite(left) else 0
    return CachedEvent(value["event"], value["data"], ttl)
