"""When it is time to tell how many subscribers a channel has (protocol.md 11; decisions.md 46)."""

from __future__ import annotations

from collections import OrderedDict

from ...interfaces import Due

__all__ = ["COALESCE", "SMALL", "CountPaces"]

COALESCE = 0.1
"""Seconds that changes of a small channel are gathered."""
SMALL = 100
"""Up to this many subscribers every change is told."""


class _Pace:
    __slots__ = ("app_id", "channel", "interval", "newcomer", "told")

    def __init__(self, app_id: str, channel: str) -> None:
        self.app_id = app_id
        self.channel = channel
        self.interval = 0.0
        self.told: int | None = None
        self.newcomer = False
        """Somebody who has not been told any count."""


class CountPaces:
    """Which totals are to be told, and when: trailing edge, a changed value or a newcomer's first.

    Only channels whose totals somebody wants to know have an entry, under a key of the caller's; it goes when 0 was
    told.
    """

    def __init__(self) -> None:
        self._paces: dict[str, _Pace] = {}
        # In order of time: each of the two delays is the same for all, as long as the configuration is.
        self._quick: OrderedDict[str, float] = OrderedDict()
        self._slow: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paces)

    def want(self, key: str, app_id: str, channel: str, interval: float, *, newcomer: bool, total: int) -> None:
        """Totals of this channel are wanted; large ones every `interval` seconds."""
        pace = self._paces.get(key)
        if pace is None:
            pace = self._paces[key] = _Pace(app_id, channel)
        pace.interval = interval
        pace.newcomer |= newcomer and total <= SMALL

    def changed(self, key: str, total: int, now: float) -> None:
        """A channel has this many subscribers now."""
        pace = self._paces.get(key)
        if pace is None or key in self._quick:
            return  # nobody wants to know, or the latest value will be told in time
        if total <= SMALL:
            self._slow.pop(key, None)
            self._quick[key] = now + COALESCE
        elif key not in self._slow:
            self._slow[key] = now + pace.interval

    def again(self, key: str, total: int, now: float) -> None:
        """What was told last may have reached nobody: tell it once more, as to a newcomer."""
        pace = self._paces.get(key)
        if pace is not None:
            pace.newcomer = True
            self.changed(key, total, now)

    def first(self) -> float | None:
        """When the next total is to be told."""
        quick, slow = next(iter(self._quick.values()), None), next(iter(self._slow.values()), None)
        if quick is None or slow is None:
            return slow if quick is None else quick
        return min(quick, slow)

    def pop(self) -> tuple[str, str, str]:
        """The next one: key, app id and channel. Ask `told` what to tell of it."""
        quick, slow = next(iter(self._quick.values()), None), next(iter(self._slow.values()), None)
        queue = self._slow if quick is None or (slow is not None and slow < quick) else self._quick
        key, _ = queue.popitem(last=False)
        pace = self._paces[key]
        return key, pace.app_id, pace.channel

    def drop(self, key: str) -> None:
        """Nobody wants to know of this channel any more."""
        for table in (self._paces, self._quick, self._slow):
            table.pop(key, None)

    def forget(self) -> None:
        """Nobody wants to know anything any more."""
        for table in (self._paces, self._quick, self._slow):
            table.clear()

    def told(self, key: str, total: int, *, occupied: bool) -> Due | None:
        """What to tell of a total that has come due, if anything."""
        pace = self._paces[key]
        changed, newcomer = total != pace.told, pace.newcomer
        pace.told, pace.newcomer = total, False
        if not occupied:
            del self._paces[key]
        if not (changed or newcomer):
            return None
        return Due(pace.app_id, "subscription_count", pace.channel, total=total, again=not changed)
