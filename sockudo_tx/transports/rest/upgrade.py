"""`/app/{key}` on a connection that has carried REST requests: a WebSocket after all, or why not."""

from __future__ import annotations

from collections.abc import Callable

from ...engine.server import Engine
from ...protocol.errors import RestError
from ..handshake import Headers, upgrade_fault
from .call import HttpRequest
from .reply import Reply

__all__ = ["Upgrades"]


class Upgrades:
    """Where upgrade requests go that HTTP has read."""

    take_over: Callable[[HttpRequest, Headers], bool] | None = None
    """Turns the connection of a valid upgrade request with these headers into a WebSocket; whether it did."""

    def __init__(self, engine: Engine, path_prefix: str) -> None:
        self._engine = engine
        self._path_prefix = path_prefix

    async def upgrade(self, request: HttpRequest) -> Reply | None:
        """None when the connection has become a WebSocket."""
        headers = request.requestHeaders
        fault = upgrade_fault(
            request.method.encode(),
            request.path,
            request.query,
            headers,
            self._path_prefix,
            draining=not self._engine.admitting,
        )
        if fault is not None:
            raise fault
        if self.take_over is not None and self.take_over(request, headers):
            return None
        raise RestError(400, "invalid_input", "This connection cannot become a WebSocket")
