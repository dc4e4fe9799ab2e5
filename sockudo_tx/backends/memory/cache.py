"""A cache in this process: strictly least recently used, every entry with its own time to live."""

from __future__ import annotations

import math
from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ...config.schema import Config
from ...interfaces import ICache

__all__ = ["MemoryCache", "from_config", "small"]

# What `cache.driver: none` keeps of cached channel events (decisions.md 40).
_SMALL = 1000
SIZE_LIMIT = 256 * 1024 * 1024
"""Characters of keys and values held at most, whatever the number of entries; a single one is always kept."""


@implementer(ICache)
class MemoryCache:
    """Answers at once and never fails.

    At most `max_capacity` entries and `SIZE_LIMIT` characters; a `get` counts as use. Time is read when
    something is asked, so there is no timer: what has expired is dropped when it is met, and on the first
    write after `cleanup_interval` seconds (0 = only when met) all of it. `ttl` is the life of entries that name
    none; 0 = no end.
    """

    def __init__(
        self, clock: IReactorTime, ttl: float = 300, max_capacity: int = 10_000, cleanup_interval: float = 60
    ) -> None:
        self._clock = clock
        self._ttl = ttl
        self._max_capacity = max_capacity
        self._cleanup_interval = cleanup_interval
        self._cleaned = clock.seconds()
        self._entries: OrderedDict[str, tuple[str, float]] = OrderedDict()  # value, when it expires
        self._size = 0

    def __len__(self) -> int:
        """Entries held now, expired ones that nobody met included."""
        return len(self._entries)

    def get(self, key: str) -> tuple[str, float] | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, expires = entry
        left = expires - self._clock.seconds()
        if left <= 0:
            self.remove(key)
            return None
        self._entries.move_to_end(key)
        return value, left

    def set(self, key: str, value: str, ttl: float | None = None) -> None:
        if self._max_capacity <= 0:
            return
        now = self._clock.seconds()
        self._clean(now)
        life = ttl or self._ttl
        self.remove(key)
        self._entries[key] = (value, now + life if life > 0 else math.inf)
        self._size += len(key) + len(value)
        while len(self._entries) > self._max_capacity or (self._size > SIZE_LIMIT and len(self._entries) > 1):
            self.remove(next(iter(self._entries)))

    def add(self, key: str, value: str, ttl: float | None = None) -> bool:
        """As promised; with a capacity of 0 every key stays absent, so every `add` succeeds."""
        if self.get(key) is not None:
            return False
        self.set(key, value, ttl)
        return True

    def remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= len(key) + len(entry[0])

    def health(self) -> bool:
        return True

    def _clean(self, now: float) -> None:
        if not self._cleanup_interval or now - self._cleaned < self._cleanup_interval:
            return
        self._cleaned = now
        for key in [key for key, (_, expires) in self._entries.items() if expires <= now]:
            self.remove(key)


def from_config(config: Config, clock: IReactorTime) -> MemoryCache:
    """The driver `memory` of `cache`."""
    memory = config.cache.memory
    return MemoryCache(clock, memory.ttl, memory.max_capacity, memory.cleanup_interval)


def small(config: Config, clock: IReactorTime) -> MemoryCache:
    """The driver `none` of `cache`: cache channels still replay their last event, for few channels."""
    memory = config.cache.memory
    return MemoryCache(clock, memory.ttl, _SMALL, memory.cleanup_interval)
