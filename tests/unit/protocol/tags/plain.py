"""What a filter means, in the plainest words: the table of delta-and-filters.md 15.4 read aloud, for comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_DIGITS = set("0123456789")


def number(text: str) -> float | None:
    """A double, None when the text is no number; without regular expressions."""
    sign = -1.0 if text[:1] == "-" else 1.0
    body = (text[1:] if text[:1] in ("+", "-") else text).replace("E", "e")
    if body.isascii() and body.lower() in ("inf", "infinity"):
        return sign * math.inf
    if body.isascii() and body.lower() == "nan":
        return math.nan
    mantissa, e, exponent = body.partition("e")
    whole, _, part = mantissa.partition(".")
    if not set(whole + part) <= _DIGITS or not whole + part:
        return None
    digits = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    if e and (not digits or not set(digits) <= _DIGITS):
        return None
    return float(text)


def matches(node: dict[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether an event with these tags is wanted by a filter whose values are all strings."""
    if "op" in node:
        children = [matches(child, tags) for child in node["nodes"]]
        return {"and": all(children), "or": any(children), "not": not children[0]}[node["op"]]
    key, cmp = node["key"], node["cmp"]
    if key not in tags:
        return cmp in ("neq", "nin", "nex")
    tag, val, vals = tags[key], node.get("val", ""), node.get("vals", [])
    left, right = number(tag), number(val)
    ordered = left is not None and right is not None
    answers = {
        "eq": tag == val,
        "neq": tag != val,
        "in": tag in vals,
        "nin": tag not in vals,
        "ex": True,
        "nex": False,
        "sw": tag[: len(val)] == val,
        "ew": tag[max(0, len(tag) - len(val)) :] == val,
        "ct": tag.find(val) >= 0,
        "gt": ordered and left > right,  # type: ignore[operator]
        "gte": ordered and left >= right,  # type: ignore[operator]
        "lt": ordered and left < right,  # type: ignore[operator]
        "lte": ordered and left <= right,  # type: ignore[operator]
    }
    return answers[cmp]
