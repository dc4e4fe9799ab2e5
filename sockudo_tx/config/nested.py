"""Dotted paths as objects in objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["nested"]


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object that holds each value at its path."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *where, name = path.split(".")
        inner = tree
        for step in where:
            inner = inner.setdefault(step, {})
        inner[name] = value
    return tree
