"""The memory cache of the hub, as its workers see it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ...interfaces import ICache
from .link import HubLink

__all__ = ["HubCache"]


@implementer(ICache)
class HubCache:
    """One cache for all workers of the machine."""

    def __init__(self, link: HubLink) -> None:
        self._link = link

    def get(self, key: str) -> Deferred[tuple[str, float] | None]:
        return self._link.call("cache", "get", tuple[str, float] | None, key)

    def set(self, key: str, value: str, ttl: float | None = None) -> Deferred[None]:
        return self._link.call("cache", "set", None, key, value, ttl)

    def add(self, key: str, value: str, ttl: float | None = None) -> Deferred[bool]:
        return self._link.call("cache", "add", bool, key, value, ttl)

    def remove(self, key: str) -> Deferred[None]:
        return self._link.call("cache", "remove", None, key)

    def health(self) -> Deferred[bool]:
        return self._link.call("cache", "health", bool)
