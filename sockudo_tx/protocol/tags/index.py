"""Who gets an event, by its tags: a look-up for each tag instead of a question to each filter.

    under pairs   filters that can only match events with one of certain values: `eq`, `in`, `or` of those, and `and`
                  with one of those in it. Where having the value is not all, the filter is asked upon a hit
    the rest      asked for each event

Source: delta-and-filters.md 15.9.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from .compiled import Tags, Test
from .filters import Filter
from .guards import Pair, guard

__all__ = ["FilterIndex"]

G = TypeVar("G")


class _Entry(Generic[G]):
    """A filter's group, and where it is filed."""

    __slots__ = ("group", "pairs", "test")

    def __init__(self, group: G, pairs: tuple[Pair, ...], test: Test | None) -> None:
        self.group = group
        self.pairs = pairs
        """None of them: it is among the rest."""
        self.test = test
        """None when a hit is enough."""


_Shelf = _Entry[G] | dict[_Entry[G], None]
"""What is filed under a pair. Mostly that is one filter, and then nothing is put around it."""


class FilterIndex(Generic[G]):
    """The groups of one channel's filtered subscribers, one for each distinct filter."""

    __slots__ = ("_entries", "_rest", "_shelves")

    def __init__(self) -> None:
        self._entries: dict[Filter, _Entry[G]] = {}
        self._shelves: dict[str, dict[str, _Shelf[G]]] = {}
        """By the tag's key, then its value; nothing empty stays."""
        self._rest: dict[_Entry[G], Test] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, filter: Filter, group: G) -> None:  # noqa: A002 - the word for it
        """File a group under its filter. Raises `ValueError` when the filter has one."""
        if filter in self._entries:
            raise ValueError(f"{filter!r} has a group")
        found = guard(filter.root, self._crowd)
        if found is None:
            entry = _Entry(group, (), filter.test)
            self._rest[entry] = filter.test
        else:
            entry = _Entry(group, found.pairs, None if found.sufficient else filter.test)
            for pair in found.pairs:
                self._file(pair, entry)
        self._entries[filter] = entry

    def remove(self, filter: Filter) -> None:  # noqa: A002
        """Take out the group of a filter, wherever it was filed. Raises `KeyError` when there is none."""
        entry = self._entries.pop(filter)
        if not entry.pairs:
            del self._rest[entry]
        for pair in entry.pairs:
            self._take_out(pair, entry)

    def matching(self, tags: Tags) -> list[G]:
        """The groups whose filter these tags match, each once: in the order of the tags, then the rest as added."""
        shelves = self._shelves
        met: list[_Entry[G]] = []
        pairs = 0
        for key, value in tags.items():
            values = shelves.get(key)
            if values is None or (shelf := values.get(value)) is None:
                continue
            pairs += 1
            if isinstance(shelf, dict):
                met += shelf
            else:
                met.append(shelf)
        # Under one pair a filter is filed once; under several it may be met again.
        entries = met if pairs < 2 else dict.fromkeys(met)
        groups = [entry.group for entry in entries if entry.test is None or entry.test(tags)]
        if self._rest:
            groups += [entry.group for entry, test in self._rest.items() if test(tags)]
        return groups

    def _crowd(self, pair: Pair) -> int:
        key, value = pair
        shelf = self._shelves.get(key, {}).get(value)
        return 0 if shelf is None else len(shelf) if isinstance(shelf, dict) else 1

    def _file(self, pair: Pair, entry: _Entry[G]) -> None:
        key, value = pair
        values = self._shelves.setdefault(key, {})
        shelf = values.get(value)
        if shelf is None:
            values[value] = entry
        elif isinstance(shelf, dict):
            shelf[entry] = None
        else:
            values[value] = {shelf: None, entry: None}

    def _take_out(self, pair: Pair, entry: _Entry[G]) -> None:
        key, value = pair
        values = self._shelves[key]
        shelf = values[value]
        if isinstance(shelf, dict):
            del shelf[entry]
            if shelf:
                return
        del values[value]
        if not values:
            del self._shelves[key]
