"""Every driver that the cases run with."""

from __future__ import annotations

from .fleet import Fleet
from .hub import HubFleet

__all__ = ["DRIVERS"]

DRIVERS: tuple[type[Fleet], ...] = (HubFleet,)
