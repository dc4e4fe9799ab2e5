"""What all requests of one server share: where they may go, who lets them in, how and when their answers leave."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...engine.repeats import Repeats
from ...engine.server import Engine
from ..crowd import Crowd
from ..pending import Pending
from ..turn import Turn
from .answers import Answers
from .connections import Connections
from .guard import Guard
from .rate_limits import RateLimits
from .routes import Routes

__all__ = ["RestApi"]


@dataclass(slots=True)
class RestApi:
    """The REST API as a request sees it. A reload replaces what has other settings."""

    engine: Engine
    routes: Routes
    guard: Guard
    answers: Answers
    repeats: Repeats
    turn: Turn
    """At whose end answers leave."""
    limits: RateLimits
    pending: Pending
    """Connections whose head is not complete."""
    crowd: Crowd
    """Connections by address."""
    request_limit: int
    """Largest request body in bytes; 0 is no limit."""
    log_requests: bool = False
    """Whether each answer has its line in the log."""
    unfinished: int = 0
    """Bytes of bodies that are not complete."""
    connections: Connections = field(default_factory=Connections)
    """Those open now."""
