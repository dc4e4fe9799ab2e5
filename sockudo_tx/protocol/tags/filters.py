"""A client's filter over tags: read from decoded JSON, checked as a whole, shared by all who sent the same.

    {"op": "and" | "or" | "not", "nodes": [node, ...]}       a branch
    {"key": "price", "cmp": "gte", "val": 100}               a leaf; `in` and `nin` take `vals`, `ex` and `nex` nothing

Source: delta-and-filters.md 15.2, 15.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from ..errors import shortened
from ..wirejson import dumps
from .compiled import Tags, Test, compiled
from .nodes import BRANCHES, LEAVES, PRESENCE, SETS, Branch, Leaf, Node, canonical

__all__ = ["Filter", "FilterError", "filter_in", "parse_filter"]

MAX_DEPTH = 16
MAX_NODES = 128
MAX_KEY = 256
"""Bytes of a key."""
MAX_VALUE = 1024
"""Bytes of a value, in `val` or `vals`."""
MAX_VALS = 1000
"""Values of one leaf."""
MAX_VALS_IN_ALL = 5000


class FilterError(ValueError):
    """A filter that is refused; `detail` says where and why, fit for the client that sent it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Filter:
    """A filter that was found good. Equal and hashed by its canonical text; `parse_filter` makes them."""

    __slots__ = ("__weakref__", "_test", "canonical", "root")

    def __init__(self, root: Node, canonical: str) -> None:
        self.root = root
        self.canonical = canonical
        self._test: Test | None = None

    @property
    def test(self) -> Test:
        """What `matches` asks: compiled when it is first needed, since many filters are only ever looked up."""
        if self._test is None:
            self._test = compiled(self.root)
        return self._test

    def matches(self, tags: Tags) -> bool:
        """Whether an event with these tags is wanted; one without tags has the empty mapping."""
        return self.test(tags)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Filter) and self.canonical == other.canonical)

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __repr__(self) -> str:
        return f"Filter({shortened(self.canonical)})"


# However many sockets send the same filter, on whichever channel, it is kept once, and only while one of them has it.
_SHARED: WeakValueDictionary[str, Filter] = WeakValueDictionary()


def parse_filter(value: Any) -> Filter:
    """The filter that a decoded JSON value means. Raises `FilterError` of the first fault, depth first."""
    root = _Reader().node(value, 1)
    text = canonical(root)
    found = _SHARED.get(text)
    if found is None:
        found = _SHARED[text] = Filter(root, text)
    return found


def filter_in(data: Mapping[str, Any]) -> Filter | None:
    """The filter of a subscription's data: `filter`, or what pusher-js derivatives send, `tags_filter`; null is absent.

    Raises `FilterError`.
    """
    value = data.get("filter")
    if value is None:
        value = data.get("tags_filter")
    return None if value is None else parse_filter(value)


class _Reader:
    """Goes down one value; never deeper than the limit, and never further than its first fault.

    Each node is held against the rules of 15.3 in their order, the limits last, before its children are looked at.
    """

    __slots__ = ("_nodes", "_vals")

    def __init__(self) -> None:
        self._nodes = 0
        self._vals = 0

    def node(self, value: object, depth: int) -> Node:
        if not isinstance(value, dict):
            raise FilterError("a node must be an object")
        op = value.get("op")
        return self._leaf(value, depth) if op is None or op == "" else self._branch(op, value.get("nodes"), depth)

    def _branch(self, op: object, nodes: object, depth: int) -> Branch:
        if not isinstance(op, str):
            raise FilterError("op must be a string")
        if nodes is None:
            nodes = []
        if not isinstance(nodes, list):
            raise FilterError("nodes must be an array")
        if op not in BRANCHES:
            raise FilterError(f'unknown operator "{shortened(op)}": op is one of {", ".join(BRANCHES)}')
        if op == "not" and len(nodes) != 1:
            raise FilterError(f"not takes exactly one child in nodes, and has {len(nodes)}")
        if not nodes:
            raise FilterError(f"{op} needs at least one child in nodes")
        self._count(depth)
        children = []
        for index, child in enumerate(nodes):
            try:
                children.append(self.node(child, depth + 1))
            except FilterError as error:
                raise FilterError(f"Child node {index}: {error.detail}") from None
        return Branch(op, tuple(children))

    def _leaf(self, node: dict[str, object], depth: int) -> Leaf:
        key, cmp = _string(node, "key"), _string(node, "cmp")
        vals = _values(node) if cmp in SETS else []
        val = _value(node) if cmp in LEAVES and cmp not in SETS and cmp not in PRESENCE else ""
        if not key:
            raise FilterError("a leaf needs a non-empty key")
        if not cmp:
            raise FilterError(f"a leaf needs a cmp, one of {', '.join(LEAVES)}")
        if cmp not in LEAVES:
            raise FilterError(f'unknown operator "{shortened(cmp)}": cmp is one of {", ".join(LEAVES)}')
        if cmp in SETS and not vals:
            raise FilterError(f"{cmp} needs vals, an array of at least one value")
        if val == "" and cmp not in SETS and cmp not in PRESENCE:
            raise FilterError(f"{cmp} needs a val that is not empty")
        self._count(depth)
        _check_size(key, MAX_KEY, "key")
        if val:
            _check_size(val, MAX_VALUE, "val")
        return Leaf(key, cmp, val, self._set(vals))

    def _set(self, vals: list[object]) -> frozenset[str]:
        if len(vals) > MAX_VALS:
            raise FilterError(f"vals has {len(vals)} values; at most {MAX_VALS} are allowed")
        self._vals += len(vals)
        if self._vals > MAX_VALS_IN_ALL:
            raise FilterError(f"a filter may have at most {MAX_VALS_IN_ALL} values in vals, all nodes together")
        texts = set()
        for index, value in enumerate(vals):
            text = _text(value, f"vals[{index}]")
            _check_size(text, MAX_VALUE, f"vals[{index}]")
            texts.add(text)
        return frozenset(texts)

    def _count(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise FilterError(f"nodes are nested deeper than {MAX_DEPTH} levels")
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise FilterError(f"a filter may have at most {MAX_NODES} nodes")


def _string(node: dict[str, object], name: str) -> str:
    """A member that is a string; empty when it is absent."""
    found = node.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise FilterError(f"{name} must be a string")
    return found


def _value(node: dict[str, object]) -> str:
    found = node.get("val")
    return "" if found is None else _text(found, "val")


def _values(node: dict[str, object]) -> list[object]:
    found = node.get("vals")
    if found is None:
        return []
    if not isinstance(found, list):
        raise FilterError("vals must be an array")
    return found


def _text(value: object, name: str) -> str:
    """A scalar as tags are written: an integer in decimal, another number in its shortest form, `true`, `false`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if value.bit_length() > 4 * MAX_VALUE:  # more digits than Python may be willing to write
            raise FilterError(f"{name} is longer than {MAX_VALUE} bytes")
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return dumps(value)
    raise FilterError(f"{name} must be a string, a number or a boolean")


def _check_size(text: str, limit: int, name: str) -> None:
    try:
        if len(text) > limit or (not text.isascii() and len(text.encode()) > limit):
            raise FilterError(f"{name} is longer than {limit} bytes")
    except UnicodeEncodeError:
        raise FilterError(f"{name} has half of a surrogate pair in it") from None
