"""What the subscribers of a feed know together: which event is which, and how plain subscribers got it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from .feed import Feed

__all__ = ["Ledger", "ledger_of"]


class Ledger:
    """That of one process. Of a text it keeps a digest."""

    def __init__(self, feed: Feed) -> None:
        self._serials: list[dict[tuple[str, str], list[int]]] = []
        for events in feed.make():
            known: dict[tuple[str, str], list[int]] = {}
            for serial, event in enumerate(events):
                known.setdefault((event.name, event.data), []).append(serial)
            self._serials.append(known)
        self._plain: dict[tuple[int, int], bytes] = {}
        self._open: Counter[tuple[int, int, bytes]] = Counter()
        """What was reconstructed of an event before a plain subscriber had it."""

    def serial(self, channel: int, name: Any, data: Any, expected: int) -> int | None:
        """The place in its stream of an event with this name and data; where several are equal, the expected one or
        the next after it. None for an event of somebody else."""
        found = self._serials[channel].get((name, data)) if isinstance(data, str) else None
        if found is None:
            return None
        return found[min(bisect_left(found, expected), len(found) - 1)]

    def plain(self, channel: int, serial: int, text: bytes) -> bool:
        """A plain subscriber got the event like this. False when another one got it otherwise."""
        digest = _digest(text)
        return self._plain.setdefault((channel, serial), digest) == digest

    def same(self, channel: int, serial: int, text: bytes) -> bool:
        """Whether a reconstructed text is that of plain subscribers, byte by byte; true while that is not known."""
        digest = _digest(text)
        known = self._plain.get((channel, serial))
        if known is None:
            self._open[channel, serial, digest] += 1
            return True
        return known == digest

    def settle(self) -> int:
        """How many reconstructed texts turned out to differ since the last call."""
        wrong, left = 0, Counter[tuple[int, int, bytes]]()
        for (channel, serial, digest), count in self._open.items():
            known = self._plain.get((channel, serial))
            if known is None:
                left[channel, serial, digest] = count
            elif known != digest:
                wrong += count
        self._open = left
        return wrong


@lru_cache(maxsize=1)
def ledger_of(run: str, feed: Feed) -> Ledger:
    """One for all groups of a run in this process."""
    return Ledger(feed)


@lru_cache(maxsize=64)
def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
