"""Members of apps that this version reads and does not use."""

from __future__ import annotations

__all__ = ["LATER_APP_MEMBERS"]

LATER_APP_MEMBERS = {
    "max_backend_events_per_second": "publishing is not limited",
    "max_read_requests_per_second": "reading is not limited",
    "webhooks": "no webhook is sent",
    "channel_delta_compression": "events are sent whole",
}
"""What somebody who set them must be warned of."""
