"""So many a second of what is too dear to do for everybody who asks."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

__all__ = ["Allowance"]


class Allowance:
    """`a_second` times in each second of the clock, and not once more."""

    __slots__ = ("_a_second", "_clock", "_second", "_spent")

    def __init__(self, clock: IReactorTime, a_second: int) -> None:
        self._clock = clock
        self._a_second = a_second
        self._second = -1
        self._spent = 0

    def take(self) -> bool:
        """Whether it may be done now; if so, it counts as done."""
        second = int(self._clock.seconds())
        if second != self._second:
            self._second, self._spent = second, 0
        self._spent += 1
        return self._spent <= self._a_second
