"""Who is calling: a signed request becomes a `Call` on behalf of one app, or a refusal (http-api.md 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from ...engine.server import Engine
from ...interfaces import Answer, BackendError
from ...protocol.app import App
from ...protocol.auth import candidate_paths, parse_query, verify
from ...protocol.errors import RestError
from .settings import RestSettings
from .waiting import ask_within

if TYPE_CHECKING:
    from .request import Request

__all__ = ["Call", "admit"]

STORE_PATIENCE = 5.0
"""Seconds an app store may take before a call is answered 503."""


class Call(NamedTuple):
    """A signed request whose sender is known and allowed."""

    engine: Engine
    settings: RestSettings
    app: App
    segments: Sequence[bytes]
    """What the path says after the app, still escaped."""
    parameters: Mapping[str, str]
    body: bytes
    encoding: str
    """`Content-Encoding`, empty when there is none."""
    idempotency_key: str | None
    """`X-Idempotency-Key`."""

    def segment(self, index: int) -> str:
        """A segment of the path, decoded once."""
        try:
            return unquote_to_bytes(self.segments[index]).decode()
        except UnicodeDecodeError:
            raise RestError(400, "invalid_input", "The path is not valid UTF-8") from None


async def admit(request: Request, segments: Sequence[bytes], *, app_in_path: bool) -> Call:
    """Steps A1 to A10. Without an app in the path, the app is the one `auth_key` names."""
    site = request.site
    parameters = parse_query(request.query)
    if app_in_path:
        app = await _app_in_path(site.engine, segments[0])
        segments = segments[1:]
    else:
        app = await _app_of_key(site.engine, parameters.get("auth_key"))
    verify(
        app,
        request.method,
        candidate_paths(request.path, site.prefix),
        parameters,
        request.body,
        site.engine.clock.seconds(),
    )
    if not app.enabled:
        raise RestError(403, "forbidden", f"The app {app.id} is disabled")
    return Call(
        site.engine,
        site.settings,
        app,
        segments,
        parameters,
        request.body,
        request.header(b"Content-Encoding") or "",
        request.header(b"X-Idempotency-Key"),
    )


async def _app_in_path(engine: Engine, segment: bytes) -> App:
    app_id = unquote_to_bytes(segment).decode("utf-8", "replace")
    app = await _stored(engine, lambda: engine.apps.by_id(app_id))
    if app is None:
        shown = app_id if len(app_id) <= 100 else app_id[:99] + "…"
        raise RestError(404, "app_not_found", f"There is no app with the id {shown!r}")
    return app


async def _app_of_key(engine: Engine, key: str | None) -> App:
    """For the one path without an app id, which an official SDK calls."""
    if key is None:
        raise RestError(401, "auth_failed", "auth_key is missing: REST calls are signed in the query string")
    app = await _stored(engine, lambda: engine.apps.by_key(key))
    if app is None:
        raise RestError(401, "auth_failed", "auth_key is not the key of any app")
    return app


async def _stored(engine: Engine, question: Callable[[], Answer[App | None]]) -> App | None:
    """A store that does not answer is a 503, never a 401."""
    try:
        return await ask_within(question, STORE_PATIENCE, engine.clock)
    except BackendError as error:
        raise RestError(
            503, "service_unavailable", "The app store does not answer; try again", {"Retry-After": "1"}
        ) from error
