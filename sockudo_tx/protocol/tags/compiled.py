"""A filter's tree as nested closures: one call answers whether an event's tags match.

What a leaf needs is looked up, split and parsed once, here. Source: delta-and-filters.md 15.4, 15.9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from .nodes import Leaf, Node
from .numbers import number

__all__ = ["Tags", "Test", "compiled"]

Tags = Mapping[str, str]
Test = Callable[[Tags], bool]


def compiled(node: Node) -> Test:
    """The test that this tree means."""
    if isinstance(node, Leaf):
        return _LEAVES[node.cmp](node)
    tests = tuple(compiled(child) for child in node.nodes)
    if node.op == "not":
        return _not(tests[0])
    if len(tests) == 1:
        return tests[0]
    return _and(tests) if node.op == "and" else _or(tests)


def _not(test: Test) -> Test:
    return lambda tags: not test(tags)


# `all` and `any` would make a generator for each call, which costs as much as three leaves.
def _and(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda tags: first(tags) and second(tags)

    def all_of(tags: Tags) -> bool:
        for test in tests:  # noqa: SIM110
            if not test(tags):
                return False
        return True

    return all_of


def _or(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda tags: first(tags) or second(tags)

    def any_of(tags: Tags) -> bool:
        for test in tests:  # noqa: SIM110
            if test(tags):
                return True
        return False

    return any_of


def _eq(leaf: Leaf) -> Test:
    key, val = leaf.key, leaf.val
    return lambda tags: tags.get(key) == val


def _neq(leaf: Leaf) -> Test:
    key, val = leaf.key, leaf.val
    return lambda tags: tags.get(key) != val


def _in(leaf: Leaf) -> Test:
    key, vals = leaf.key, leaf.vals
    return lambda tags: tags.get(key) in vals


def _nin(leaf: Leaf) -> Test:
    key, vals = leaf.key, leaf.vals
    return lambda tags: tags.get(key) not in vals


def _ex(leaf: Leaf) -> Test:
    key = leaf.key
    return lambda tags: key in tags


def _nex(leaf: Leaf) -> Test:
    key = leaf.key
    return lambda tags: key not in tags


# `val` is never empty, so a missing tag may pass for an empty one.
def _sw(leaf: Leaf) -> Test:
    key, val = leaf.key, leaf.val
    return lambda tags: tags.get(key, "").startswith(val)


def _ew(leaf: Leaf) -> Test:
    key, val = leaf.key, leaf.val
    return lambda tags: tags.get(key, "").endswith(val)


def _ct(leaf: Leaf) -> Test:
    key, val = leaf.key, leaf.val
    return lambda tags: val in tags.get(key, "")


# An empty text is no number.
def _gt(leaf: Leaf) -> Test:
    key, bound = leaf.key, number(leaf.val)
    return lambda tags: number(tags.get(key, "")) > bound


def _gte(leaf: Leaf) -> Test:
    key, bound = leaf.key, number(leaf.val)
    return lambda tags: number(tags.get(key, "")) >= bound


def _lt(leaf: Leaf) -> Test:
    key, bound = leaf.key, number(leaf.val)
    return lambda tags: number(tags.get(key, "")) < bound


def _lte(leaf: Leaf) -> Test:
    key, bound = leaf.key, number(leaf.val)
    return lambda tags: number(tags.get(key, "")) <= bound


def _never(tags: Tags) -> bool:
    return False


def _if_number(make: Callable[[Leaf], Test]) -> Callable[[Leaf], Test]:
    return lambda leaf: _never if math.isnan(number(leaf.val)) else make(leaf)


_LEAVES: dict[str, Callable[[Leaf], Test]] = {
    "eq": _eq,
    "neq": _neq,
    "in": _in,
    "nin": _nin,
    "ex": _ex,
    "nex": _nex,
    "sw": _sw,
    "ew": _ew,
    "ct": _ct,
    "gt": _if_number(_gt),
    "gte": _if_number(_gte),
    "lt": _if_number(_lt),
    "lte": _if_number(_lte),
}
