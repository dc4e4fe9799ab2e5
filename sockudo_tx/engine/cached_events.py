"""The last event of each cache channel (protocol.md 10, http-api.md 7.4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import Answer, BackendError, ICache
from ..protocol.wirejson import loads
from .answers import ask

__all__ = ["CachedEvent", "CachedEvents"]


class CachedEvent(NamedTuple):
    """A cached event as REST reports it; `ttl` in whole seconds, at least 1."""

    event: str
    data: str
    ttl: int


class CachedEvents:
    """Stores the very text clients got, so that a replay is byte-identical to the live event."""

    _log = Logger()

    def __init__(self, cache: ICache, ttl: float) -> None:
        self._cache = cache
        self._ttl = ttl

    def store(self, app_id: str, channel: str, text: str) -> None:
        """Remember the event; a cache that fails is logged and does not fail the publish."""
        ask(lambda: self._cache.set(_key(app_id, channel), text, self._ttl), lambda _: None, self._failed)

    def replay(self, app_id: str, channel: str, found: Callable[[str | None], None]) -> Deferred[None] | None:
        """Call `found` with the event's text, or None when there is none or the cache fails."""

        def failed(error: BackendError) -> None:
            self._failed(error)
            found(None)

        return ask(lambda: self._cache.get(_key(app_id, channel)), lambda hit: found(hit[0] if hit else None), failed)

    def read(self, app_id: str, channel: str) -> Answer[CachedEvent | None]:
        """The event with its parts. Fails with `BackendError`."""
        answer = self._cache.get(_key(app_id, channel))
        return answer.addCallback(_parts) if isinstance(answer, Deferred) else _parts(answer)

    def _failed(self, error: BackendError) -> None:
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
