"""Taking figures one after the other, and judging what they gave."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from .baseline import TOLERANCE, worsening
from .figure import Figure, NotAvailableError, Plan, Reading

__all__ = ["Progress", "Suite", "better"]


class Progress:
    """One line on a terminal, rewritten; silence elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self.doing = ""

    def tell(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K{time.monotonic() - self._began:4.0f} s  {self.doing}  {text}", end="", file=sys.stderr)

    def clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr)


class Suite:
    """Takes figures one after the other and keeps what they gave."""

    def __init__(self, quick: bool, baseline: Mapping[str, float], progress: Progress | None = None) -> None:
        self.readings: dict[str, Reading] = {}
        self.skipped: dict[str, str] = {}
        self.broken: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._quick = quick
        self._baseline = baseline
        self._progress = progress or Progress()

    def take(self, figure: Figure) -> Sequence[Reading]:
        """Measures; a second time where a limit or the baseline is missed, because noise only ever makes worse."""
        self._progress.doing = figure.name
        began = time.monotonic()
        first = self._measure(figure)
        if any(self.bad(each) for each in first):
            self._progress.doing = f"{figure.name}, again"
            again = {each.name: each for each in self._measure(figure)}
            first = [better(each, again.get(each.name, each)) for each in first]
        self.readings.update((each.name, each) for each in first)
        self.seconds[figure.name] = round(time.monotonic() - began, 1)
        self._progress.clear()
        return first

    def bad(self, found: Reading) -> bool:
        """Whether it is out of its limit or worse than the baseline allows."""
        return not found.limit.holds(found.value) or self.regressed(found)

    def regressed(self, found: Reading) -> bool:
        """Whether it is worse than the baseline allows."""
        before = self._baseline.get(found.name) if found.compared else None
        return before is not None and worsening(found, before) > TOLERANCE

    def _measure(self, figure: Figure) -> Sequence[Reading]:
        plan = Plan(self._quick, self._progress.tell)
        plan.tell("starting")
        try:
            return figure.take(plan)
        except NotAvailableError as error:
            self.skipped[figure.name] = str(error)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            self.broken[figure.name] = f"{type(error).__name__}: {error}"
        return ()


def better(one: Reading, other: Reading) -> Reading:
    """The reading with the better value; with the worse one of what noise does not excuse."""
    lower = (one.limit.better == "lower") == one.excusable
    return one if (one.value <= other.value) == lower else other
