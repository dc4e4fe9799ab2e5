"""The REST side of the port: a twisted.web Site with our own channel and request."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

from twisted.web.resource import Resource
from twisted.web.server import Site

from ...engine.server import Engine
from .channel import RestChannel
from .cors import Cors
from .health import Health
from .repeats import Repeats
from .reply import Reply, response
from .request import Request
from .routes import Routes
from .settings import CorsSettings, IdempotencySettings, RestSettings

__all__ = ["CorsSettings", "IdempotencySettings", "RestSettings", "RestSite", "rest_site"]


class RestSite(Site):
    """Makes the connections of the REST API. Routes by itself: the resource tree is empty."""

    protocol = RestChannel  # type: ignore[assignment]  # Twisted's own is a proxy that may switch to HTTP/2
    requestFactory = Request  # type: ignore[assignment]  # the channel needs no more of it than ours has
    noisy = False

    take_over: Callable[[Request], bool] | None = None
    """Turns the connection of a valid upgrade request into a WebSocket; whether it did."""

    def __init__(self, engine: Engine, settings: RestSettings) -> None:
        super().__init__(Resource(), reactor=engine.clock, timeout=settings.idle_timeout)
        self.engine = engine
        self.settings = settings
        self.prefix = settings.prefix
        self.routes = Routes(self.prefix, settings.usage_enabled)
        self.cors = Cors(settings.cors)
        self.repeats = Repeats(engine.clock)
        self.health = Health(engine, settings.health_timeout, self.repeats)
        self._second = -1
        self._date = b""

    def startFactory(self) -> None:
        """No access log, hence no log file and no clock for its lines."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/2 has no place on a port that upgrades to WebSocket."""
        return [b"http/1.1"]

    def finished(self, reply: Reply, origin: bytes | None, *, close: bool, head_only: bool = False) -> bytes:
        """The bytes of an answer, with the headers every answer carries."""
        second = int(self.engine.clock.seconds())
        if second != self._second:
            self._second = second
            self._date = f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return response(reply, self._date + self.cors.lines(origin), head_only=head_only, close=close)


def rest_site(engine: Engine, settings: RestSettings) -> RestSite:
    """The REST API of this engine, ready to be given connections."""
    return RestSite(engine, settings)
