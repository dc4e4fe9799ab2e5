"""Which path means what: a matcher over the raw path, escapes untouched (http-api.md 2).

A segment is decoded only after the path was split, so `%2F` is never a slash here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from . import channels, events, health, usage, users
from .guard import Call
from .reply import Reply
from .upgrade import upgrade

if TYPE_CHECKING:
    from .request import Request

__all__ = ["Match", "Route", "Routes"]


class Route(NamedTuple):
    """A resource and the one thing it can do. Exactly one of `signed` and `open` is there."""

    allow: str
    """The methods it takes, as an `Allow` header names them; empty when the handler judges for itself."""
    signed: Callable[[Call], Awaitable[Reply]] | None = None
    open: Callable[[Request], Awaitable[Reply | None]] | None = None
    app_in_path: bool = True

    def takes(self, method: str) -> bool:
        """Whether this method is one of them; HEAD is, wherever GET is."""
        return method == self.allow or not self.allow or (self.allow == _READ and method in ("GET", "HEAD"))


class Match(NamedTuple):
    """A route and the raw segments its pattern left open."""

    route: Route
    segments: tuple[bytes, ...]


_READ = "GET, HEAD"

_EVENTS = Route("POST", signed=events.publish)
_BATCH = Route("POST", signed=events.publish_batch)
_CHANNELS = Route(_READ, signed=channels.list_channels)
_CHANNEL = Route(_READ, signed=channels.show_channel)
_MEMBERS = Route(_READ, signed=channels.list_members)
_TERMINATE = Route("POST", signed=users.terminate)
_TERMINATE_BY_KEY = Route("POST", signed=users.terminate, app_in_path=False)
_UP = Route(_READ, open=health.up)
_LIVE = Route(_READ, open=health.live)
_USAGE = Route(_READ, open=usage.show_usage)
_STATS = Route(_READ, open=usage.show_stats)
_UPGRADE = Route("", open=upgrade)


class Routes:
    """The routes below the path prefix; health checks answer without it too."""

    def __init__(self, prefix: bytes, usage_enabled: bool) -> None:
        self._prefix = prefix
        self._open = {b"up": _UP, b"live": _LIVE}
        if usage_enabled:
            self._open |= {b"usage": _USAGE, b"stats": _STATS}

    def match(self, path: bytes) -> Match | None:
        """The route of this path; None is 404. One trailing slash is as good as none."""
        if self._prefix:
            if path.startswith(self._prefix + b"/"):
                path = path[len(self._prefix) :]
            elif not path.startswith((b"/up", b"/live")):
                return None
        parts = path.split(b"/")
        if len(parts) > 2 and not parts[-1]:
            parts.pop()
        if len(parts) < 2 or parts[0] or not all(parts[1:]):
            return None
        route = self._of(parts)
        return None if route is None else Match(route, tuple(parts[2::2]))

    def _of(self, parts: list[bytes]) -> Route | None:
        """The route of `/apps/{id}/channels` as its parts `["", "apps", id, "channels"]`."""
        count = len(parts)
        if parts[1] == b"apps":
            return _below_app(parts, count)
        if count == 2:
            return self._open.get(parts[1])
        if count == 3 and parts[1] == b"app":
            return _UPGRADE
        if count == 3 and parts[1] == b"up":
            return _UP
        if count == 4 and parts[1] == b"users" and parts[3] == b"terminate_connections":
            return _TERMINATE_BY_KEY
        return None


def _below_app(parts: list[bytes], count: int) -> Route | None:
    if count == 4:
        return _APP_ROUTES.get(parts[3])
    if count == 5 and parts[3] == b"channels":
        return _CHANNEL
    if count == 6 and parts[3] == b"channels" and parts[5] == b"users":
        return _MEMBERS
    if count == 6 and parts[3] == b"users" and parts[5] == b"terminate_connections":
        return _TERMINATE
    return None


_APP_ROUTES = {b"events": _EVENTS, b"batch_events": _BATCH, b"channels": _CHANNELS}
