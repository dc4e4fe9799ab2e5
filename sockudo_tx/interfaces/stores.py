"""Where records, cached values and counts of requests are."""

from __future__ import annotations

from zope.interface import Interface

from ..protocol.app import App
from ..protocol.limits import Quota, Verdict
from .answers import Answer

__all__ = ["IApps", "ICache", "ILimiter"]


class IApps(Interface):
    """Where App records live. Records come back with every default limit filled in."""

    def by_key(key: str) -> Answer[App | None]:
        """The app with this key, None when there is none. Fails with `BackendError`."""

    def by_id(app_id: str) -> Answer[App | None]:
        """The app with this id, None when there is none. Fails with `BackendError`."""

    def all() -> Answer[list[App]]:
        """Every app, in no promised order. Fails with `BackendError`."""


class ICache(Interface):
    """Small values with a time to live. A failing cache answers with `BackendError`, never late."""

    def get(key: str) -> Answer[tuple[str, float] | None]:
        """Value and seconds left (infinite as `math.inf`), None when absent or expired."""

    def set(key: str, value: str, ttl: float | None = None) -> Answer[None]:
        """Store for `ttl` seconds; None and 0 mean the driver's own default, which may be for ever."""

    def add(key: str, value: str, ttl: float | None = None) -> Answer[bool]:
        """Store only when absent, atomically; whether it was stored."""

    def remove(key: str) -> Answer[None]:
        """Forget the key; absent is fine."""

    def health() -> Answer[bool]:
        """Whether the cache can be used now."""


class ILimiter(Interface):
    """Counts requests by key in sliding windows, in 20 slots each (scaling.md 12). Refused ones do not count."""

    def take(key: str, quota: Quota, weight: int = 1) -> Answer[Verdict]:
        """Count a request if it is allowed; all of its weight, which is at most `quota.most`, or nothing.

        May fail with `BackendError` where `SpareLimiter` is around it.
        """
