"""What webhooks are told by all nodes together: each transition once."""

from __future__ import annotations

from collections.abc import Collection

from zope.interface import implementer

from sockudo_tx.interfaces import Fact, IFacts
from sockudo_tx.protocol.app import App

from .client import Broken

__all__ = ["Transitions"]

PAIRS = {
    "channel_occupied": ("occupied", True),
    "channel_vacated": ("occupied", False),
    "member_added": ("member", True),
    "member_removed": ("member", False),
}

Thing = tuple[str, str, str | None]
"""What comes and goes: `occupied` or `member`, a channel, and who."""


@implementer(IFacts)
class Transitions:
    """Takes the facts of every node, and holds that each thing comes and goes in turn.

    `unsure`, somebody died or the state was lost while facts were under way: each may be missing once, none may come
    twice without that.
    """

    def __init__(self) -> None:
        self.seen: list[Fact] = []
        self.unsure = False
        self.faults: list[str] = []
        """What cannot be: raised in the middle of the engine it would only be logged."""
        self._there: set[Thing] = set()

    def wants(self, app: App, name: str) -> bool:
        return True

    def emit(self, app: App, fact: Fact) -> None:
        self.seen.append(fact)
        if fact.name not in PAIRS:
            return
        what, came = PAIRS[fact.name]
        thing = (what, fact.channel, fact.user_id)
        if (thing in self._there) is came and not self.unsure:
            self.faults.append(f"{fact.name} of {fact.channel} {fact.user_id or ''} was told already")
        (self._there.add if came else self._there.discard)(thing)

    def compare(self, channels: Collection[str], members: Collection[tuple[str, str]]) -> None:
        """At rest: what was told comes to what there is."""
        if self.faults:
            raise Broken("; ".join(self.faults))
        truth: set[Thing] = {("occupied", channel, None) for channel in channels}
        truth |= {("member", channel, user_id) for channel, user_id in members}
        if self._there != truth and not self.unsure:
            raise Broken(f"facts never told: {sorted(map(str, self._there ^ truth))}")
        self._there, self.unsure = truth, False
