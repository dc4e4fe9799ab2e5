"""Whether a connection got every event once and in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Audit", "Sent", "Verdicts"]

# A hole of more serials than this is counted and not remembered: what fills it later is a duplicate then.
_REMEMBERED = 100_000


@dataclass(slots=True)
class Sent:
    """What a publisher says about one stream."""

    count: int = 0
    """Serials 0 to count - 1 were sent."""
    refused: set[int] = field(default_factory=set)
    """Of these, those the server did not accept: nobody is owed them."""


@dataclass(slots=True)
class Verdicts:
    """Faults, added up over connections."""

    lost: int = 0
    duplicates: int = 0
    disorder: int = 0
    """Events that arrived after one that was sent later in the same stream."""
    strays: int = 0
    """Events of a channel the connection had not subscribed to."""

    def add(self, other: Verdicts) -> None:
        """Adds another one's."""
        self.lost += other.lost
        self.duplicates += other.duplicates
        self.disorder += other.disorder
        self.strays += other.strays


class Audit:
    """The serials that one connection has seen, by stream.

    The fast path is its reader's: when `expected.get(stream) == serial`, it stores `serial + 1` and needs nobody.
    Everything else goes to `odd`.
    """

    __slots__ = ("_channels", "_first", "_missing", "_outright", "_verdicts", "expected", "whole")

    def __init__(self, channels: frozenset[int], *, whole: bool = True) -> None:
        self.expected: dict[bytes, int] = {}
        """The next serial of each stream."""
        self._channels = channels
        self.whole = whole
        """Whether the connection was there from the first event on; else its first one is where it begins."""
        self._first: dict[bytes, int] = {}
        self._missing: dict[bytes, set[int]] = {}
        self._outright: dict[bytes, int] = {}
        self._verdicts = Verdicts()

    def take(self, stream: bytes, serial: int) -> None:
        """One event."""
        if self.expected.get(stream) == serial:
            self.expected[stream] = serial + 1
        else:
            self.odd(stream, serial)

    def odd(self, stream: bytes, serial: int) -> None:
        """An event that is not the next one of a known stream."""
        expected = self.expected.get(stream)
        if expected is None:
            if int(stream[:5]) not in self._channels:
                self._verdicts.strays += 1
                return
            expected = self._first[stream] = 0 if self.whole else serial
        if serial >= expected:
            hole = serial - expected
            if hole > _REMEMBERED:
                self._outright[stream] = self._outright.get(stream, 0) + hole
            elif hole:
                self._missing.setdefault(stream, set()).update(range(expected, serial))
            self.expected[stream] = serial + 1
        elif serial in (missing := self._missing.get(stream, ())):
            assert isinstance(missing, set)
            missing.remove(serial)
            self._verdicts.disorder += 1
        elif serial < self._first[stream]:
            self._first[stream] = serial
            self._verdicts.disorder += 1
        else:
            self._verdicts.duplicates += 1

    def resume(self, expected: Mapping[bytes, int]) -> None:
        """Goes on where somebody else has audited everything before."""
        self.expected.update(expected)
        self._first.update(dict.fromkeys(expected, 0))

    def finish(self, sent: Mapping[bytes, Sent], *, stayed: bool = True) -> Verdicts:
        """The faults, now that it is known what was sent. What came after the last event that arrived counts as lost
        for a connection that `stayed`, not for one that went by itself."""
        found = Verdicts()
        found.add(self._verdicts)
        for stream, truth in sent.items():
            if int(stream[:5]) not in self._channels:
                continue
            expected = self.expected.get(stream)
            if expected is None:
                if not self.whole:
                    continue
                expected = 0
            missing = self._missing.get(stream, set())
            found.lost += len(missing - truth.refused) + self._outright.get(stream, 0)
            if stayed and truth.count > expected:
                found.lost += truth.count - expected - sum(1 for serial in truth.refused if serial >= expected)
        return found
