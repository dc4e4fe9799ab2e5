"""Null objects: roles that are switched off or not built in, so that nobody asks `if x is not None`."""

from __future__ import annotations

from zope.interface import implementer

from ..interfaces import Fact, IFacts
from ..protocol.app import App

__all__ = ["NullFacts"]


@implementer(IFacts)
class NullFacts:
    """Nobody listens for webhook facts."""

    def wants(self, app: App, name: str) -> bool:
        return False

    def emit(self, app: App, fact: Fact) -> None:
        return None
