"""Pairs of tag and value by which filters are found. Source: delta-and-filters.md 15.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .nodes import Leaf, Node

__all__ = ["MOST_PAIRS", "Guard", "Pair", "guard"]

MOST_PAIRS = 500
"""A filter with more is not looked up but evaluated: it would cost more memory than it saves time."""

Pair = tuple[str, str]
"""A tag's key and value."""


class Guard(NamedTuple):
    """Pairs of which an event has at least one if the filter matches it."""

    pairs: tuple[Pair, ...]
    sufficient: bool
    """Whether one of them is all that the filter asks for."""
    weight: int
    """How many filters are filed under these pairs already."""


def guard(node: Node, weight: Callable[[Pair], int]) -> Guard | None:
    """What to file this node under; None when an event can match without having any certain value.

    Of the children of an `and`, any would do. The one whose pairs are least crowded is taken, so that filters that all
    ask for the same `type` spread over what they do not have in common.
    """
    if isinstance(node, Leaf):
        return _leaf(node, weight)
    if node.op == "not":
        return None
    found = [guard(child, weight) for child in node.nodes]
    guards = [each for each in found if each is not None]
    if node.op == "or":
        return _either(guards) if len(guards) == len(found) else None
    best = min(guards, key=lambda each: (each.weight, len(each.pairs)), default=None)
    return best and best._replace(sufficient=False)


def _leaf(leaf: Leaf, weight: Callable[[Pair], int]) -> Guard | None:
    if leaf.cmp == "eq":
        pairs: tuple[Pair, ...] = ((leaf.key, leaf.val),)
    elif leaf.cmp == "in" and len(leaf.vals) <= MOST_PAIRS:
        pairs = tuple((leaf.key, val) for val in leaf.vals)
    else:
        return None
    return Guard(pairs, sufficient=True, weight=sum(map(weight, pairs)))


def _either(guards: list[Guard]) -> Guard | None:
    pairs = tuple(dict.fromkeys(pair for each in guards for pair in each.pairs))
    if len(pairs) > MOST_PAIRS:
        return None
    return Guard(pairs, all(each.sufficient for each in guards), sum(each.weight for each in guards))
