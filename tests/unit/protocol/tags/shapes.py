"""Filters in few words, and random ones for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sockudo_tx.protocol.tags.nodes import LEAVES, PRESENCE, SETS

Json = dict[str, Any]


def leaf(key: str, cmp: str, *values: object) -> Json:
    """A leaf with the member its operator takes."""
    if cmp in PRESENCE:
        return {"key": key, "cmp": cmp}
    return {"key": key, "cmp": cmp, "vals": list(values)} if cmp in SETS else {"key": key, "cmp": cmp, "val": values[0]}


def branch(op: str, *nodes: object) -> Json:
    return {"op": op, "nodes": list(nodes)}


def negated(node: object) -> Json:
    return branch("not", node)


def nested(levels: int) -> Json:
    """So many levels of nodes, one in each."""
    node = leaf("a", "eq", "1")
    for _ in range(levels - 1):
        node = branch("and", node)
    return node


# Few keys and values, so that they meet.
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "1.0", "2", "10", "x", "xy", "é", "nan", "1e1", "-3"])
TAGS = st.dictionaries(KEYS, VALUES | st.just(""), max_size=3)
LEAF = st.builds(
    lambda key, cmp, values: leaf(key, cmp, *values),
    KEYS,
    st.sampled_from(LEAVES),
    st.lists(VALUES, min_size=1, max_size=4),
)
# Those under which the index files something are as likely as all the others together.
FOUND = st.builds(
    lambda key, cmp, values: leaf(key, cmp, *values),
    KEYS,
    st.sampled_from(["eq", "in"]),
    st.lists(VALUES, min_size=1, max_size=3),
)
FILTERS = st.recursive(
    LEAF | FOUND,
    lambda nodes: (
        st.builds(branch, st.sampled_from(["and", "or"]), nodes, nodes)
        | st.builds(branch, st.sampled_from(["and", "or"]), nodes, nodes, nodes)
        | st.builds(negated, nodes)
    ),
    max_leaves=8,
)
# Those of which much can be filed.
FILED = st.recursive(
    FOUND,
    lambda nodes: (
        st.builds(branch, st.just("or"), nodes, nodes)
        | st.builds(branch, st.just("and"), nodes, LEAF)
        | st.builds(branch, st.just("and"), LEAF, nodes)
    ),
    max_leaves=5,
)
