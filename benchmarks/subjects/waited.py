"""How long this thread has waited for a processor, which other programs had."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["waiting"]


def waiting() -> Callable[[], int]:
    """What tells it, in nanoseconds since the thread began; for the thread that asks for it here. Costs 0.7 us."""
    file = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)  # on a processor, waiting, how often
    return lambda: int(os.pread(file, 64, 0).split()[1])
