"""One line on the terminal that is kept up to date; nothing where nobody looks."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

__all__ = ["Progress"]

_EVERY = 0.2


class Progress:
    """Writes to stderr, and only if that is a terminal and nobody wants it quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self._began = time.monotonic()
        self._next = 0.0
        self._written = False

    def show(self, phase: str, status: dict[str, Any]) -> None:
        """The line for this moment, unless the last one is newer than a fifth of a second."""
        now = time.monotonic()
        if not self.shown or now < self._next:
            return
        self._next = now + _EVERY
        groups = status["groups"].values()
        parts = [
            f"{now - self._began:6.1f} s  {phase}",
            f"{sum(group['ready'] for group in groups):,} connected",
            f"{sum(group['events'] for group in groups):,} events",
        ]
        found = [group["latencies"]["delivery"] for group in groups if "delivery" in group["latencies"]]
        if found:
            parts.append(f"p50 {max(each[0] for each in found) * 1e3:.2f} ms")
            parts.append(f"p99 {max(each[1] for each in found) * 1e3:.2f} ms")
        self._write("   ".join(parts)[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Leaves an empty line behind."""
        if self._written:
            self._write("")
            self._written = False

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
        self._written = True
