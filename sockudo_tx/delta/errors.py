"""What a decoder has to say about a delta that is not one, or not for this base."""

from __future__ import annotations

from typing import Final

__all__ = ["LARGEST", "DeltaError"]

LARGEST: Final = 1 << 24
"""Bytes of target that a decoder makes unless it is told otherwise."""


class DeltaError(ValueError):
    """The delta cannot be applied to the base."""
