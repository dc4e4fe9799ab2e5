"""Who wants deltas, and of which kind (delta-and-filters.md 3): reading what clients say, and the choices."""

from __future__ import annotations

from typing import Any, NamedTuple

from .settings import DeltaSettings, Rules, algorithm_named

__all__ = ["FOLLOW", "Wish", "Wishes", "offered_in", "wish_of"]

_OFF = ("disabled", "false", "none")


class Wish(NamedTuple):
    """What one subscription says of deltas: yes, no, or nothing."""

    on: bool | None = None
    algorithm: str | None = None
    """Asked for by name."""


FOLLOW = Wish()
"""Nothing was said: the subscription goes by what holds for its socket."""
_YES = Wish(True)
_NO = Wish(False)


def wish_of(value: Any) -> Wish:
    """The member `delta` of a subscription, whatever it is; see the table of 3.2."""
    if isinstance(value, bool):
        return _YES if value else _NO
    if isinstance(value, str):
        return _NO if value.lower() in _OFF else Wish(True, algorithm_named(value))
    if not isinstance(value, dict):
        return FOLLOW
    if value.get("enabled") is False:
        return _NO
    word = value.get("algorithm")
    if isinstance(word, str):
        return Wish(True, algorithm_named(word))
    offered = offered_in(value)
    return Wish(True, offered[0] if offered else None)


def offered_in(value: Any) -> tuple[str, ...] | None:
    """The algorithms of a list `algorithms` that we have, in its order; None where there is no list."""
    words = value.get("algorithms") if isinstance(value, dict) else None
    if not isinstance(words, list):
        return None
    return tuple(dict.fromkeys([name for word in words if (name := algorithm_named(word)) is not None]))


class Wishes:
    """What one socket has asked for."""

    __slots__ = ("announced", "floor", "offered", "on", "subscriptions")

    def __init__(self) -> None:
        self.on = False
        """Deltas on all channels that say nothing else."""
        self.offered: tuple[str, ...] | None = None
        """What it can decode, if it has told."""
        self.announced = "fossil"
        """The algorithm it was last told of."""
        self.subscriptions: dict[str, Wish] = {}
        """Of the channels whose subscription says something."""
        self.floor = 0
        """Above all numbers it may remember of channels it has left, where it is not told to forget them."""

    def switch_on(self, offered: tuple[str, ...] | None, settings: DeltaSettings) -> str | None:
        """Deltas from now on; the algorithm to announce. None, and nothing changed, when there is none for both."""
        if not settings.enabled or offered == ():
            return None
        self.on, self.offered = True, offered
        self.announced = settings.algorithm if not offered or settings.algorithm in offered else offered[0]
        return self.announced

    def wants(self, channel: str, rules: Rules) -> bool:
        """Whether it gets deltas there."""
        if not rules.possible:
            return False
        asked = self.subscriptions.get(channel, FOLLOW).on
        return self.on if asked is None else asked

    def algorithm(self, channel: str, rules: Rules) -> str:
        """In which it gets them."""
        asked = self.subscriptions.get(channel, FOLLOW).algorithm
        if asked is not None:
            return asked
        offered = self.offered
        return rules.algorithm if not offered or rules.algorithm in offered else offered[0]

    def confirms(self, channel: str, rules: Rules) -> str | None:
        """The algorithm to announce for a subscription that has just been made, None if there is nothing to tell."""
        if not self.subscriptions.get(channel, FOLLOW).on or not self.wants(channel, rules):
            return None
        algorithm = self.algorithm(channel, rules)
        if self.on and self.announced == algorithm:
            return None
        self.announced = algorithm
        return algorithm
