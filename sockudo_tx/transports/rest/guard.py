"""Who is calling: a signed request becomes a `Call` on behalf of one app, or a refusal (http-api.md 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ...engine.allowance import Allowance
from ...engine.server import Engine
from ...engine.traced import EXPLANATIONS_A_SECOND, REFUSALS
from ...interfaces import Answer, BackendError
from ...protocol.app import App
from ...protocol.auth import candidate_paths, parse_query, verify
from ...protocol.diagnosis import RestAttempt, why_rest
from ...protocol.errors import RestError, shortened
from .app_limits import AppLimits
from .call import Call, HttpRequest
from .fanouts import FanOuts
from .settings import RestSettings
from .waiting import ask_within

__all__ = ["Guard"]

STORE_PATIENCE = 5.0
"""Seconds an app store may take before a call is answered 503."""

_NO_ANSWER = (503, "service_unavailable", "The app store does not answer; try again", {"Retry-After": "1"})
_refusals = Logger(REFUSALS)


class Guard:
    """Lets in whoever signs with the secret of one of the engine's apps."""

    def __init__(self, engine: Engine, settings: RestSettings, fanouts: FanOuts, limits: AppLimits) -> None:
        self._engine = engine
        self._fanouts = fanouts
        self._limits = limits
        self.settings = settings
        """Those in force, which calls carry along."""
        self._prefix = settings.prefix
        self.explains = settings.explain_refusals
        """Whether the log is told which part of a refused signature differs."""
        self._explanations = Allowance(engine.clock, EXPLANATIONS_A_SECOND)

    async def admit(self, request: HttpRequest, *, app_in_path: bool) -> Call:
        """Steps A1 to A10. Without an app in the path, the app is the one `auth_key` names."""
        parameters = parse_query(request.query)
        segments = request.segments
        if app_in_path:
            app_id = _decoded(segments[0])
            answer = self._asked(self._engine.apps.by_id, app_id)
            app = self._there(request, app_id, await self._in_time(answer) if isinstance(answer, Deferred) else answer)
            segments = segments[1:]
        else:
            app = await self._app_of_key(parameters.get("auth_key"))
        engine = self._engine
        tally = request.tally = engine.tally.of(app.id)
        now = engine.clock.seconds()
        paths = candidate_paths(request.path, self._prefix)
        try:
            verify(app, request.method, paths, parameters, request.body, now)
        except RestError as fault:
            if self.explains and self._explanations.take():
                attempt = RestAttempt(request.method, paths, request.query, parameters, request.body, now)
                await self._explain(request, app, fault, attempt)
            raise
        if not app.enabled:
            raise self._told(request, RestError(403, "forbidden", f"The app {app.id} is disabled"))
        if app.max_read_requests_per_second and request.method != "POST":
            await self._limits.read(app, tally)
        return Call(
            engine,
            self.settings,
            app,
            segments,
            parameters,
            request.body,
            request.header(b"content-encoding") or "",
            request.header(b"x-idempotency-key"),
            request.began,
            tally,
            self._fanouts,
            self._limits,
        )

    def _there(self, request: HttpRequest, app_id: str, app: App | None) -> App:
        if app is None:
            fault = RestError(404, "app_not_found", f"There is no app with the id {shortened(app_id)!r}")
            raise self._told(request, fault)
        return app

    def named(self, segment: bytes) -> Answer[App | None]:
        """The app a segment of the path names. Fails with `BackendError`."""
        answer: Answer[App | None] = self._engine.apps.by_id(_decoded(segment))
        return answer

    async def _explain(self, request: HttpRequest, app: App, fault: RestError, attempt: RestAttempt) -> None:
        """Tell the log which part of the signature is another."""
        key = attempt.parameters.get("auth_key")
        owner: App | None = None
        if key and key != app.key:
            with suppress(BackendError):  # the caller is told of his own fault, with debug mode as without
                owner = await ask_within(lambda: self._engine.apps.by_key(key), STORE_PATIENCE, self._engine.clock)
        _refusals.debug(
            "refused: {method} of app {app_id}: {parts}",
            method=request.method,
            app_id=app.id,
            status=fault.status,
            request_id=request.id.decode(),
            parts="; ".join(why_rest(app, attempt, owner)),
        )

    def _told(self, request: HttpRequest, fault: RestError) -> RestError:
        """This refusal, which no signature is to blame for, when the log was told of it."""
        if self.explains:
            _refusals.debug(
                "refused: {method}: {text}",
                method=request.method,
                text=fault.text,
                status=fault.status,
                request_id=request.id.decode(),
            )
        return fault

    async def _app_of_key(self, key: str | None) -> App:
        """For the one path without an app id, which an official SDK calls."""
        if key is None:
            raise RestError(401, "auth_failed", "auth_key is missing: REST calls are signed in the query string")
        answer = self._asked(self._engine.apps.by_key, key)
        app = await self._in_time(answer) if isinstance(answer, Deferred) else answer
        if app is None:
            raise RestError(401, "auth_failed", "auth_key is not the key of any app")
        return app

    def _asked(self, lookup: Callable[[str], Answer[App | None]], name: str) -> Answer[App | None]:
        """A store that does not answer is a 503, never a 401."""
        try:
            return lookup(name)
        except BackendError as error:
            raise RestError(*_NO_ANSWER) from error

    async def _in_time(self, answer: Deferred[App | None]) -> App | None:
        try:
            return await ask_within(lambda: answer, STORE_PATIENCE, self._engine.clock)
        except BackendError as error:
            raise RestError(*_NO_ANSWER) from error


def _decoded(segment: bytes) -> str:
    return (unquote_to_bytes(segment) if b"%" in segment else segment).decode("utf-8", "replace")
