"""Requests counted for the whole machine, by the hub (scaling.md 12)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ...interfaces import ILimiter
from ...protocol.limits import Quota, Verdict
from .link import HubLink

__all__ = ["HubLimiter"]


@implementer(ILimiter)
class HubLimiter:
    """Belongs behind a `SpareLimiter`: a hub that does not answer would keep requests waiting."""

    def __init__(self, link: HubLink) -> None:
        self._link = link

    def take(self, key: str, quota: Quota, weight: int = 1) -> Deferred[Verdict]:
        return self._link.call("limiter", "take", Verdict, key, quota, weight)
