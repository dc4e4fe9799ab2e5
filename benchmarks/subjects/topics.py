"""Events with tags, and filters that let those of one topic through."""

from __future__ import annotations

from typing import Any

__all__ = ["equal", "tagged", "tree"]


def _topic(number: int) -> str:
    """All are alike long, and so are their frames."""
    return f"t{number:05d}"


def tagged(number: int) -> dict[str, str]:
    """The tags of an event of this topic."""
    return {"kind": "trade", "price": "101.25", "topic": _topic(number)}


def equal(number: int) -> dict[str, Any]:
    """A filter that can be looked up by what the event says."""
    return {"key": "topic", "cmp": "eq", "val": _topic(number)}


def tree(number: int) -> dict[str, Any]:
    """Seven nodes, of which most have to be asked for each event."""
    either = [{"key": "kind", "cmp": "ew", "val": _topic(number)}, {"key": "topic", "cmp": "sw", "val": _topic(number)}]
    return {
        "op": "and",
        "nodes": [
            {"op": "not", "nodes": [{"key": "kind", "cmp": "sw", "val": "quo"}]},
            {"key": "price", "cmp": "gte", "val": 100},
            {"op": "or", "nodes": either},
        ],
    }
