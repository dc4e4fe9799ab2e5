"""What the API's functions take: a `Call` on signed routes, the `HttpRequest` itself on open ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from ...engine.server import Engine
from ...engine.tally import AppTally
from ...protocol.app import App
from ...protocol.errors import RestError
from ...protocol.publication import Publication
from ..fields import Fields
from .app_limits import AppLimits
from .fanouts import FanOuts
from .settings import RestSettings

__all__ = ["Call", "HttpRequest"]


class Call(NamedTuple):
    """A signed request whose sender is known and allowed."""

    engine: Engine
    settings: RestSettings
    app: App
    segments: tuple[bytes, ...]
    """What the path says after the app, still escaped."""
    parameters: Mapping[str, str]
    body: bytes
    encoding: str
    """`Content-Encoding`, empty when there is none."""
    idempotency_key: str | None
    """`X-Idempotency-Key`."""
    began: float
    """When its head had come."""
    tally: AppTally
    """The app's counts."""
    fanouts: FanOuts
    limits: AppLimits

    def publish(self, event: Publication) -> None:
        """Deliver an event to everybody connected here."""
        reached = self.engine.publish(self.app, event)
        if reached:
            self.fanouts.add(self.tally, reached, self.began)

    def segment(self, index: int) -> str:
        """A segment of the path, decoded once."""
        try:
            return unquote_to_bytes(self.segments[index]).decode()
        except UnicodeDecodeError:
            raise RestError(400, "invalid_input", "The path is not valid UTF-8") from None


class HttpRequest(Protocol):
    """A request that was read, whoever sent it. Spelled as in `twisted.web` where Twisted has the same."""

    method: str
    path: bytes
    """No host, no query, escapes untouched."""
    segments: tuple[bytes, ...]
    """What the route leaves open in the path, still escaped."""
    query: bytes
    requestHeaders: Fields
    body: bytes
    began: float
    """When its head had come."""
    tally: AppTally | None
    """The counts of the app it names, once that is known."""
    id: bytes
    """Names it in the log and in its answer; ASCII."""
    limit_lines: bytes
    """Header lines about the rate limit, which every answer carries."""
    channel: Any
    """The connection it came on, for those who take it over; None when that is gone."""

    def header(self, name: bytes) -> str | None:
        """The value of the header with this lower-case name, as text; the last one when repeated."""
