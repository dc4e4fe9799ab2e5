"""`/app/{key}` on a connection that has carried REST requests: a WebSocket after all, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol.errors import RestError
from ..handshake import upgrade_fault
from .reply import Reply

if TYPE_CHECKING:
    from .request import Request

__all__ = ["upgrade"]


async def upgrade(request: Request) -> Reply | None:
    """None when the connection has become a WebSocket."""
    site = request.site
    headers = {name.lower(): values for name, values in request.requestHeaders.getAllRawHeaders()}
    fault = upgrade_fault(
        request.method.encode(),
        request.path,
        request.query,
        headers,
        site.settings.path_prefix,
        draining=site.engine.draining,
    )
    if fault is not None:
        raise fault
    if site.take_over is not None and site.take_over(request):
        return None
    raise RestError(400, "invalid_input", "This connection cannot become a WebSocket")
