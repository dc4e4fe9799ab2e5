"""What is said when we cannot listen."""

from __future__ import annotations

__all__ = ["ListenError"]


class ListenError(Exception):
    """We cannot listen; the text names the setting and the cure."""
