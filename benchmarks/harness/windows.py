"""Short windows of each side in turn, so that a slow moment of the machine meets them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

__all__ = ["interleave", "timed"]

_LEAST = 4


def interleave(
    sides: Mapping[str, Callable[[], float]],
    seconds: float,
    tell: Callable[[str], None] = lambda _: None,
    *,
    warm: int = 2,
) -> dict[str, list[float]]:
    """The cost each call returned, by side. The order is turned round each time: A B, B A, A B, ..."""
    for _ in range(warm):
        for window in sides.values():
            window()
    found: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds or len(found[order[0]]) < _LEAST:
        tell(f"{min(passed / (seconds or 1), 1.0):4.0%}")
        for name in order:
            found[name].append(sides[name]())
        order.reverse()
    return found


def timed(step: Callable[[], object], seconds: float = 0.004) -> Callable[[], float]:
    """A window of one step: nanoseconds of this process's CPU per call, of as many calls as go into `seconds`."""
    step()
    began = time.perf_counter()
    calls = 0
    while time.perf_counter() < began + seconds:
        step()
        calls += 1

    def measure() -> float:
        begin = time.process_time_ns()
        for _ in range(calls):
            step()
        return (time.process_time_ns() - begin) / calls

    return measure
