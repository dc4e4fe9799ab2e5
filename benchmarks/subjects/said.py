"""How a child process speaks to the one that measures: a line of JSON at a time."""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["tell"]


def tell(**report: Any) -> None:
    """One line to the one who runs us."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
