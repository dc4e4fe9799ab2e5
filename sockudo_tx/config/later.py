"""Members of apps that this version reads and does not use."""

from __future__ import annotations

__all__ = ["LATER_APP_MEMBERS"]

LATER_APP_MEMBERS = {
    "channel_delta_compression": "events are sent whole",
}
"""What somebody who set them must be warned of."""
