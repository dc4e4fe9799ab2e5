"""What a node of many has seen of the bus, in plain integers that never fall (scaling.md 15)."""

from __future__ import annotations

from collections import Counter

__all__ = ["ClusterTally"]


class ClusterTally:
    """Read when somebody asks; labels are our own words."""

    __slots__ = (
        "dropped",
        "duplicates",
        "gaps",
        "ignored",
        "outages",
        "published",
        "received",
        "registrations",
        "resyncs",
        "unconfirmed",
    )

    def __init__(self) -> None:
        self.published = 0
        """Frames for the others."""
        self.received = 0
        """Frames of the others."""
        self.ignored: Counter[str] = Counter()
        """Frames that could not be used, by reason: `version`, `kind`, `malformed`, `failed`."""
        self.dropped: Counter[str] = Counter()
        """Frames that never left, by reason: `frames`, `bytes`, `age`."""
        self.duplicates = 0
        """Frames that came twice."""
        self.gaps = 0
        """Times that a sender's frames before this one are missing."""
        self.outages = 0
        """Times that the bus went down."""
        self.resyncs: Counter[str] = Counter()
        """Member lists compared with the authority, by reason: `gap`, `audit`, `bus`, `epoch`, `fenced`, `late`."""
        self.registrations: Counter[str] = Counter()
        """Times that everything was told to the authority again, by reason: `epoch`, `fenced`, `backlog`."""
        self.unconfirmed = 0
        """Subscriptions that went on without the bus."""
