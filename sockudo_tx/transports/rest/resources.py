"""Everything the server answers to over HTTP, on one page (http-api.md 2)."""

from __future__ import annotations

from . import channels, events, users
from .health import Health, live
from .routes import READ, Route
from .upgrade import Upgrades
from .usage import Usage

__all__ = ["resources"]


def resources(health: Health, usage: Usage | None, upgrades: Upgrades) -> list[Route]:
    """The routes; without `usage` there is neither `/usage` nor `/stats`."""
    routes = [
        Route("/apps/{app_id}/events", "POST", signed=events.publish),
        Route("/apps/{app_id}/batch_events", "POST", signed=events.publish_batch),
        Route("/apps/{app_id}/channels", READ, signed=channels.list_channels),
        Route("/apps/{app_id}/channels/{channel}", READ, signed=channels.show_channel),
        Route("/apps/{app_id}/channels/{channel}/users", READ, signed=channels.list_members),
        Route("/apps/{app_id}/users/{user_id}/terminate_connections", "POST", signed=users.terminate),
        Route("/users/{user_id}/terminate_connections", "POST", signed=users.terminate, app_in_path=False),
        Route("/up", READ, open=health.up, without_prefix=True, calls="system"),
        Route("/up/{app_id}", READ, open=health.up, without_prefix=True, calls="app"),
        Route("/ready", READ, open=health.readiness, without_prefix=True),
        Route("/live", READ, open=live, without_prefix=True),
        Route("/app/{key}", "", open=upgrades.upgrade, upgrade=True),
    ]
    if usage is not None:
        routes += [Route("/usage", READ, open=usage.show_usage), Route("/stats", READ, open=usage.show_stats)]
    return routes
