"""How backends answer: at once, or in a Deferred; and how they fail."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from twisted.internet.defer import Deferred

__all__ = ["Answer", "BackendError"]

T = TypeVar("T")
Answer: TypeAlias = T | Deferred[T]


class BackendError(Exception):
    """The world's fault: a store, cache or broker did not answer. Logged once with the driver's name."""
