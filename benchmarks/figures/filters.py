"""Tag filters by themselves: whom an event is for, among 1,000 different filters."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sockudo_tx.protocol.tags import FilterIndex, parse_filter

from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.stats import ratio
from ..harness.windows import interleave, timed

__all__ = ["FIGURE"]

_MANY = 1_000
_FEW = 10
_TAGS = {"symbol": "S7", "type": "trade", "price": "101.25", "venue": "XETR"}

Json = dict[str, Any]
Step = Callable[[], object]


def _leaf(key: str, cmp: str, val: object) -> Json:
    return {"key": key, "cmp": cmp, "vals" if cmp == "in" else "val": val}


def _equal(number: int) -> Json:
    return _leaf("symbol", "eq", f"S{number}")


def _above(number: int) -> Json:
    return {"op": "and", "nodes": [_equal(number), _leaf("price", "gte", 100)]}


def _general(number: int) -> Json:
    """Eight nodes, all of which have to be looked at, and none under which it could be filed."""
    either = {
        "op": "or",
        "nodes": [_leaf("venue", "sw", "XN"), _leaf("symbol", "ew", f"-{number}"), _leaf("venue", "ct", "ET")],
    }
    other = {"op": "not", "nodes": [_leaf("type", "eq", "quote")]}
    return {"op": "and", "nodes": [other, _leaf("price", "gte", 100 - number), either]}


def _by_hand(tags: Mapping[str, str]) -> bool:
    """`_general` as a programmer would write it for one number, who knows that a price is one."""
    return (
        tags.get("type") != "quote"
        and "price" in tags
        and float(tags["price"]) >= 100
        and (
            tags.get("venue", "").startswith("XN")
            or tags.get("symbol", "").endswith("-0")
            or "ET" in tags.get("venue", "")
        )
    )


def _index(make: Callable[[int], Json], count: int) -> FilterIndex[int]:
    index: FilterIndex[int] = FilterIndex()
    for number in range(count):
        index.add(parse_filter(make(number)), number)
    return index


def _matching(index: FilterIndex[int], found: int) -> Step:
    """An event's search, which finds as many as it must."""
    if len(index.matching(_TAGS)) != found:
        raise RuntimeError(f"{len(index.matching(_TAGS))} of {len(index)} filters match, not {found}")
    return lambda: index.matching(_TAGS)


def _take(plan: Plan) -> Sequence[Reading]:
    indices = {f"{make.__name__} {count}": _index(make, count) for make in (_equal, _above) for count in (_FEW, _MANY)}
    steps = {name: _matching(index, 1) for name, index in indices.items()}
    general = _index(_general, _MANY)
    asked = range(_MANY)
    steps["general"] = _matching(general, _MANY)
    steps["by hand"] = lambda: [each for each in asked if _by_hand(_TAGS)]
    gc.collect()
    gc.freeze()
    found = interleave({name: timed(step) for name, step in steps.items()}, plan.seconds(8), plan.tell)
    gc.unfreeze()
    trees = ratio(found["general"], found["by hand"])
    each = [value / _MANY / 1_000 for value in found["general"]]
    return [
        *(
            reading(
                f"filters-{name}",
                f"whom an event is for, among {_MANY} {title} ÷ among {_FEW}: it must not grow",
                ratio(found[f"{make.__name__} {_MANY}"], found[f"{make.__name__} {_FEW}"]),
                at_most(1.3),
                "ns",
                ours=f"{_MANY}",
                theirs=f"{_FEW}",
            )
            for name, make, title in (("eq", _equal, "`eq` filters"), ("and", _above, "`and` with an `eq` in it"))
        ),
        reading(
            "filters-tree",
            f"{_MANY} filters of eight nodes asked ÷ Python written for one",
            trees,
            at_most(3, 2),
            "ns",
        ),
        Reading(
            "filters-tree-time",
            "each of those filters",
            sorted(each)[len(each) // 2],
            at_most(2, 1),
            unit="µs",
            compared=False,
        ),
    ]


FIGURE = Figure("filters", "tag filters: looking up ÷ with fewer of them, asking ÷ Python written by hand", _take)
