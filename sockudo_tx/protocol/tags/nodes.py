"""A filter over tags as a tree, and the one text that equal filters share. Source: delta-and-filters.md 15.2, 15.9."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..wirejson import dumps

__all__ = ["BRANCHES", "LEAVES", "PRESENCE", "SETS", "Branch", "Leaf", "Node", "canonical"]

BRANCHES = ("and", "or", "not")
LEAVES = ("eq", "neq", "in", "nin", "ex", "nex", "sw", "ew", "ct", "gt", "gte", "lt", "lte")
SETS = frozenset({"in", "nin"})
"""Operators that take `vals`."""
PRESENCE = frozenset({"ex", "nex"})
"""Operators that take no value; all that are left take `val`."""


class Leaf(NamedTuple):
    """A comparison of one tag; `val` or `vals` is empty where the operator takes none."""

    key: str
    cmp: str
    val: str = ""
    vals: frozenset[str] = frozenset()


class Branch(NamedTuple):
    """What its children say, joined by `op`."""

    op: str
    nodes: tuple[Node, ...]


Node = Leaf | Branch


def canonical(node: Node) -> str:
    """The filter as JSON with sorted keys, and `vals` sorted and each once; children keep their order."""
    return dumps(_plain(node))


def _plain(node: Node) -> dict[str, Any]:
    if isinstance(node, Branch):
        return {"nodes": [_plain(child) for child in node.nodes], "op": node.op}
    found: dict[str, Any] = {"cmp": node.cmp, "key": node.key}
    if node.cmp in SETS:
        found["vals"] = sorted(node.vals)
    elif node.cmp not in PRESENCE:
        found["val"] = node.val
    return found
