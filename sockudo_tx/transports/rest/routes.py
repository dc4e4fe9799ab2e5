"""Which path means what: a matcher over the raw path, escapes untouched (http-api.md 2).

A segment is decoded only after the path was split, so `%2F` is never a slash here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from .call import Call, HttpRequest
from .reply import Reply

__all__ = ["READ", "Route", "Routes"]

READ = "GET, HEAD"
_REMEMBERED = 1000
_SHORT = 200
"""Bytes of a path that is remembered; strangers choose what they ask for."""


class Route(NamedTuple):
    """A resource and the one thing it can do. Exactly one of `signed` and `open` is there."""

    path: str
    """Names and open segments in turn, as in `/apps/{app_id}/channels`."""
    allow: str
    """The methods it takes, as an `Allow` header names them; empty when what it calls judges for itself."""
    signed: Callable[[Call], Awaitable[Reply]] | None = None
    open: Callable[[HttpRequest], Awaitable[Reply | None]] | None = None
    """Answers None when the connection is no longer ours to answer on."""
    app_in_path: bool = True
    """Whether a signed path names its app; if not, `auth_key` does."""
    without_prefix: bool = False
    """Whether it also answers outside the path prefix."""
    calls: Literal["", "app", "system"] = ""
    """For whom requests count as API calls when no signed one tells: the app in the path, the server, or nobody."""

    upgrade: bool = False
    """Whether it opens WebSockets."""

    def takes(self, method: str) -> bool:
        """Whether this method is one of them; HEAD is, wherever GET is."""
        return method == self.allow or not self.allow or (self.allow == READ and method in ("GET", "HEAD"))


Match = tuple[Route, tuple[bytes, ...]]


class Routes:
    """Routes below a path prefix."""

    def __init__(self, prefix: bytes, routes: Iterable[Route]) -> None:
        self._prefix = prefix + b"/"
        self._routes = {_names(route.path.encode().split(b"/")): route for route in routes}
        self._remembered = lru_cache(_REMEMBERED)(self._match)

    def match(self, path: bytes) -> Match | None:
        """The route of this path and the raw segments it leaves open; None is 404.

        One trailing slash is as good as none. Backends ask for the same few paths again and again.
        """
        return self._remembered(path) if len(path) <= _SHORT else self._match(path)

    def _match(self, path: bytes) -> Match | None:
        below = path.startswith(self._prefix)
        if below:
            path = path[len(self._prefix) - 1 :]
        parts = path.split(b"/")
        if len(parts) > 2 and not parts[-1]:
            parts.pop()
        route = self._routes.get(_names(parts))
        segments = tuple(parts[2::2])
        if route is None or parts[0] or not all(segments) or not (below or route.without_prefix):
            return None
        return route, segments


def _names(parts: list[bytes]) -> tuple[int | bytes, ...]:
    """What tells `/apps/{app_id}/channels` from every other path, given its parts `["", "apps", id, "channels"]`."""
    return (len(parts), *parts[1::2])
