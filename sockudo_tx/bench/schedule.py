"""When each event is due: fixed before the first one is sent, so that a slow server cannot slow the load down."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

__all__ = ["Moment", "Schedule"]


class Moment(NamedTuple):
    """Events that are due together."""

    offset: int
    """Nanoseconds after the start."""
    first: int
    """The number of the first of them; numbers count from 0 over the whole schedule."""
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An open loop: `events` at the rate, whatever the server makes of them."""

    rate: float
    """Events a second."""
    seconds: float
    together: int = 1
    """Events of one moment: a burst or a batch. The rate stays that of events."""
    poisson: bool = False
    """Moments at random distances, as from many independent senders, instead of even ones."""
    seed: int = 0
    share: int = 0
    shares: int = 1
    """Of how many publishers this is one: publisher `share` has each `shares`-th moment."""

    def divided(self, share: int, shares: int) -> Schedule:
        """One publisher's part."""
        return replace(self, share=share, shares=shares)

    @property
    def count(self) -> int:
        """Events of an even schedule; of a random one, as many as are expected."""
        return max(1, round(self.rate * self.seconds / self.together)) * self.together

    def __iter__(self) -> Iterator[Moment]:
        offsets = self._random() if self.poisson else self._even()
        for index, offset in enumerate(offsets):
            if index % self.shares == self.share:
                yield Moment(offset, index * self.together, self.together)

    def _even(self) -> Iterator[int]:
        distance = self.together / self.rate * 1e9
        return (round(index * distance) for index in range(self.count // self.together))

    def _random(self) -> Iterator[int]:
        draw = random.Random(self.seed)  # the same moments in every process and in every run with this seed
        moment = draw.expovariate(self.rate / self.together)
        while moment < self.seconds:
            yield round(moment * 1e9)
            moment += draw.expovariate(self.rate / self.together)
