"""Each test case on each pair."""

from __future__ import annotations

from collections.abc import Callable
from unittest import TestCase

from .pairs import PAIRS, Pair

__all__ = ["on_every_pair"]


def on_every_pair(*cases: type[TestCase], where: Callable[[type[Pair]], bool] = lambda _: True) -> dict[str, object]:
    """A class for each case and pair, such as `FrameCases_hub`, to be put into the module in place of the cases.

    `where`: only on these pairs.
    """
    found: dict[str, object] = {}
    for case in cases:
        case.__test__ = False  # type: ignore[attr-defined]
        for name, pair in PAIRS.items():
            if where(pair):
                members = {"new_pair": staticmethod(pair), "__test__": True, "__module__": case.__module__}
                found[f"{case.__name__}_{name}"] = type(f"{case.__name__}_{name}", (case,), members)
    return found
