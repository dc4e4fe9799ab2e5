"""Every driver that the cases run with."""

from __future__ import annotations

from .fleet import Fleet

__all__ = ["DRIVERS"]

DRIVERS: tuple[type[Fleet], ...] = ()
