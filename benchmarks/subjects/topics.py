"""How the topics of events with tags are named: all alike long, so that their frames are."""

from __future__ import annotations

__all__ = ["topic"]


def topic(number: int) -> str:
    """The name of one."""
    return f"t{number:05d}"
